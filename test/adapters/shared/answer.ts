import type { EventStep, Script, ScriptedToolCall, ScriptedUsage, Step } from "../../../src/adapters/mock/script.ts";
import type { UsageBucket, Wire } from "./wire.ts";

/** One part of an answer, whatever the pieces it came in. */
export interface AnswerPart {
  kind: "text" | "reasoning" | "refusal" | "tool_call" | "tool_result" | "image" | "audio" | "state";
  /** Text, arguments, transcript, or the text of a result. */
  text: string;
  /** Of a tool call; the id is `minted` where the platform made it. */
  call?: { readonly id: string; readonly name: string; readonly executor: string; readonly freeForm: boolean };
  /** Of a tool result. */
  result?: { readonly id: string; readonly isError: boolean };
  /** Of media: base64, and the first media type. */
  data?: string;
  mimeType?: string;
  /** URLs and titles. */
  readonly citations: string[];
  /** Tokens. */
  readonly logprobs: string[];
  /** `owner/kind/base64`. */
  readonly states: string[];
}

/** What an exchange comes to: the same whatever way it was cut into events and reads. */
export interface Answer {
  readonly parts: readonly AnswerPart[];
  readonly warnings: readonly string[];
  /** Buckets of the final usage; absent if there was none. */
  readonly usage?: Readonly<Partial<Record<UsageBucket, number>>>;
  /** Absent if the exchange failed. */
  readonly finish?: string;
  /** Absent if it did not. */
  readonly failure?: { readonly reason: string; readonly retryAfterMs: number | undefined };
}

/** A part without anything in it yet. */
export function emptyPart(kind: AnswerPart["kind"]): AnswerPart {
  return { kind, text: "", citations: [], logprobs: [], states: [] };
}

/**
 * What a script says, worked out without the code under test: the oracle of the suite. Parts are numbered by first appearance. Usage is absent
 * where the script gives none, whatever an adapter may count.
 */
export function answerOfScript(script: Script, wire: Pick<Wire, "onePartEach" | "partsInTurn">): Answer {
  const reading = createReading(wire);
  let failure: Answer["failure"];
  for (const step of script) {
    if ("error" in step) failure = { reason: step.error.reason, retryAfterMs: step.error.retry_after_ms };
    else if ("truncate" in step) failure = { reason: "UPSTREAM_TRUNCATED", retryAfterMs: undefined };
    else for (const event of eventSteps(step)) reading.read(event);
  }
  const { parts, warnings, usage } = reading;
  if (failure !== undefined) return { parts, warnings, failure };
  const callsOut = parts.some(({ call }) => call?.executor === "CALLER");
  return {
    parts,
    warnings,
    finish: reading.finish ?? (callsOut ? "TOOL_CALLS" : "STOP"),
    ...(usage === undefined ? {} : { usage: bucketsOf(usage) }),
  };
}

/** The steps that make events, those in `together` one by one. */
function eventSteps(step: Step): readonly EventStep[] {
  if ("together" in step) return step.together;
  return "delay_ms" in step || "error" in step || "truncate" in step || "stall" in step ? [] : [step];
}

function bucketsOf({ extras: _, final: __, ...buckets }: ScriptedUsage): NonNullable<Answer["usage"]> {
  return Object.fromEntries(Object.entries(buckets).filter(([, tokens]) => tokens !== undefined));
}

interface Reading {
  readonly parts: AnswerPart[];
  readonly warnings: string[];
  usage: ScriptedUsage | undefined;
  finish: string | undefined;
  read(step: EventStep): void;
}

function createReading({ onePartEach, partsInTurn = false }: Pick<Wire, "onePartEach" | "partsInTurn">): Reading {
  const labels = new Map<string, AnswerPart>();
  let latest: AnswerPart | undefined;
  let latestText: AnswerPart | undefined;

  const add = (kind: AnswerPart["kind"], label?: string): AnswerPart => {
    const part = emptyPart(kind);
    reading.parts.push(part);
    if (label !== undefined) labels.set(label, part);
    return part;
  };
  const find = (kind: AnswerPart["kind"], label: string | undefined): AnswerPart | undefined => {
    if (onePartEach) return reading.parts.find((part) => part.kind === kind);
    if (label === undefined) return latest?.kind === kind ? latest : undefined;
    const part = labels.get(label);
    if (part?.kind === "state") part.kind = kind;
    return part;
  };
  const say = (
    kind: AnswerPart["kind"],
    pieces: readonly string[],
    step: { part?: string | undefined; repeat?: number | undefined },
  ) => {
    latest = find(kind, step.part) ?? add(kind, step.part);
    latest.text += pieces.join("").repeat(step.repeat ?? 1);
    if (kind === "text") latestText = latest;
  };
  const call = ({ id, name, arguments: pieces, executor, free_form, part }: ScriptedToolCall) => {
    latest = add("tool_call", part);
    latest.text = (pieces ?? []).join("");
    latest.call = {
      id: id === "" ? "minted" : (id ?? "given"),
      name,
      executor: executor ?? "CALLER",
      freeForm: free_form === true,
    };
  };
  const annotate = (label: string | undefined): AnswerPart => {
    const part = label === undefined ? latestText : find("text", label);
    latestText = part ?? add("text", label);
    if (part === undefined || !partsInTurn) latest = latestText;
    return latestText;
  };
  const readMedia = (step: EventStep) => {
    if ("image" in step) {
      latest = add("image");
      latest.data = step.image.data;
      latest.mimeType = step.image.mime_type;
    } else if ("audio" in step) {
      latest = find("audio", step.part) ?? add("audio", step.part);
      const bytes = [latest.data ?? "", step.audio.data ?? ""].map((text) => Buffer.from(text, "base64"));
      latest.data = Buffer.concat(bytes).toString("base64");
      latest.mimeType = latest.mimeType || (step.audio.mime_type ?? "");
      latest.text += step.audio.transcript ?? "";
    } else if ("provider_state" in step) {
      const { owner, kind, data } = step.provider_state;
      latest = (step.part === undefined ? latest : labels.get(step.part)) ?? add("state", step.part);
      latest.states.push(`${owner ?? "mock"}/${kind}/${data}`);
    }
  };
  const readRest = (step: EventStep) => {
    if ("tool_result" in step) {
      latest = add("tool_result");
      latest.text = step.tool_result.text;
      latest.result = { id: step.tool_result.id, isError: step.tool_result.is_error === true };
    } else if ("citation" in step)
      annotate(step.part).citations.push(`${step.citation.url ?? ""} ${step.citation.title ?? ""}`);
    else if ("logprobs" in step) annotate(step.part).logprobs.push(...step.logprobs.map(({ token }) => token));
    else if ("warning" in step) reading.warnings.push(step.warning.code);
    else if ("usage" in step) reading.usage = step.usage;
    else if ("finish" in step) reading.finish = step.finish.reason;
    else readMedia(step);
  };
  const reading: Reading = {
    parts: [],
    warnings: [],
    usage: undefined,
    finish: undefined,
    read: (step) => {
      if ("text" in step) say("text", step.text, step);
      else if ("reasoning" in step) say("reasoning", step.reasoning, step);
      else if ("refusal" in step) say("refusal", step.refusal, step);
      else if ("tool_call" in step) call(step.tool_call);
      else if ("tool_calls" in step) step.tool_calls.forEach(call);
      else readRest(step);
    },
  };
  return reading;
}
