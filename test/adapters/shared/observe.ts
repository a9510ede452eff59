import type { Adapter, AttemptInput, Preview } from "../../../src/adapters/adapter.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { type ChatRequest, FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import { within } from "../../support/wait.ts";
import { type Answer, type AnswerPart, emptyPart } from "./answer.ts";

/** What an exchange did. */
export interface Observation {
  /** The arrays as they came. */
  readonly reads: readonly (readonly ChatEvent[])[];
  /** What was thrown; undefined after success. */
  readonly error: unknown;
  /** How many events had come when the headers were announced, once for each time. */
  readonly headersAfter: readonly number[];
}

/** How one chat is to run. */
export interface ChatOptions {
  readonly model: string;
  readonly signal?: AbortSignal;
  readonly step?: number;
  readonly attempt?: number;
  readonly preview?: Preview;
  readonly onHeaders?: () => void;
}

/** The input of one attempt, step 0 and attempt 0 unless said otherwise. */
export function attemptInput(request: ChatRequest, options: ChatOptions): AttemptInput {
  return {
    request,
    model: options.model,
    step: options.step ?? 0,
    attempt: options.attempt ?? 0,
    ...(options.preview !== undefined && { preview: options.preview }),
    signal: options.signal ?? new AbortController().signal,
    onHeaders: options.onHeaders ?? (() => undefined),
  };
}

/** Runs a chat to its end, under a watchdog. */
export async function observe(adapter: Adapter, request: ChatRequest, options: ChatOptions): Promise<Observation> {
  const reads: (readonly ChatEvent[])[] = [];
  const headersAfter: number[] = [];
  const onHeaders = (): void => {
    headersAfter.push(reads.flat().filter(({ event }) => event.case !== "warning").length);
  };
  const run = async (): Promise<unknown> => {
    try {
      for await (const events of adapter.chat(attemptInput(request, { ...options, onHeaders }))) reads.push(events);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };
  const error = await within(run(), { what: "the end of the chat" });
  return { reads, error, headersAfter };
}

/** Sums up what came, part by part. */
export function answerOfEvents(events: readonly ChatEvent[], error: unknown): Answer {
  const parts: AnswerPart[] = [];
  const warnings: string[] = [];
  let usage: Usage | undefined;
  let finish: string | undefined;
  for (const { event } of events) {
    if (event.case === "warning") warnings.push(event.value.code);
    else if (event.case === "usage" && event.value.final) usage = event.value.usage;
    else if (event.case === "finished") finish = FinishReason[event.value.reason];
    else if (event.case !== undefined && event.case !== "usage") addContent(parts, event);
  }
  if (error !== undefined) {
    if (!(error instanceof ExecutionError))
      throw new Error("the adapter threw something else than an ExecutionError", { cause: error });
    return { parts, warnings, failure: { reason: error.reason, retryAfterMs: error.extras.retryAfterMs } };
  }
  return {
    parts,
    warnings,
    ...(finish === undefined ? {} : { finish }),
    ...(usage === undefined ? {} : { usage: bucketsOf(usage) }),
  };
}

function bucketsOf(usage: Usage): NonNullable<Answer["usage"]> {
  const snakeCase = (name: string): string => name.replace(/[A-Z0-9]+/g, (run) => `_${run.toLowerCase()}`);
  return Object.fromEntries(
    USAGE_BUCKETS.flatMap((bucket) => (usage[bucket] === undefined ? [] : [[snakeCase(bucket), usage[bucket]]])),
  );
}

type Content = Exclude<ChatEvent["event"], { case: undefined | "usage" | "finished" | "warning" }>;

function addContent(parts: AnswerPart[], event: Content): void {
  const at = (kind: AnswerPart["kind"]): AnswerPart =>
    partAt(parts, "part" in event.value ? event.value.part : -1, kind);
  switch (event.case) {
    case "textDelta":
      at("text").text += event.value.text;
      return;
    case "reasoningDelta":
      at("reasoning").text += event.value.text;
      return;
    case "refusalDelta":
      at("refusal").text += event.value.text;
      return;
    case "toolCallStarted": {
      const { id, idMinted, name, executor, freeForm } = event.value;
      at("tool_call").call = { id: idMinted ? "minted" : id, name, executor: Executor[executor] ?? "", freeForm };
      return;
    }
    case "toolCallDelta":
      at("tool_call").text += event.value.argumentsDelta;
      return;
    default:
      addOther(at, event);
  }
}

function addOther(at: (kind: AnswerPart["kind"]) => AnswerPart, event: Content): void {
  switch (event.case) {
    case "toolResult": {
      const part = at("tool_result");
      part.text += event.value.parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("");
      part.result = { id: event.value.toolCallId, isError: event.value.isError };
      return;
    }
    case "citation":
      at("text").citations.push(`${event.value.citation?.url ?? ""} ${event.value.citation?.title ?? ""}`);
      return;
    case "logprobs":
      at("text").logprobs.push(...event.value.tokens.map(({ token }) => token));
      return;
    case "image": {
      const part = at("image");
      const { source, mimeType } = event.value.image ?? {};
      part.data = source?.case === "data" ? Buffer.from(source.value).toString("base64") : "";
      part.mimeType = mimeType ?? "";
      return;
    }
    case "audio": {
      const part = at("audio");
      part.data = Buffer.concat([Buffer.from(part.data ?? "", "base64"), event.value.data]).toString("base64");
      part.mimeType = part.mimeType || event.value.mimeType;
      part.text += event.value.transcript;
      return;
    }
    case "providerState": {
      const { owner, kind, data } = event.value.state ?? { owner: "", kind: "", data: new Uint8Array() };
      at("state").states.push(`${owner}/${kind}/${Buffer.from(data).toString("base64")}`);
      return;
    }
    default:
  }
}

/** The part of a number; its kind is that of its first content. */
function partAt(parts: AnswerPart[], number: number, kind: AnswerPart["kind"]): AnswerPart {
  const known = parts[number];
  if (known === undefined) {
    const made = emptyPart(kind);
    parts[number] = made;
    return made;
  }
  if (known.kind === "state") known.kind = kind;
  return known;
}
