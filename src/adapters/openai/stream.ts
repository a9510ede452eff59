import { type ChatEvent, chatEvent, usageEvent } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import { jsonMember } from "../../json-text.ts";
import { type AnswerDecoder, truncated } from "../exchange.ts";
import { asArray, asObject, asText, asWord, type JsonObject, parseExact, tryParse } from "../json.ts";
import { providerError } from "../provider-error.ts";
import { hasGrown, isWorthTelling } from "../usage-buckets.ts";
import { readErrorValue } from "./errors.ts";
import { createMessageReader } from "./message.ts";
import type { Quirks } from "./quirks.ts";
import { providerCost, readUsage } from "./usage.ts";

/** What an answer is decoded for. */
export interface DecoderContext {
  readonly step: number;
  readonly attempt: number;
  readonly quirks: Pick<Quirks, "vendor" | "endMarker">;
  /** A fresh id for a tool call whose provider gives none. */
  readonly newId: () => string;
}

/** The last usage that came. */
interface ReportedUsage {
  /** The provider's object, and the JSON of the chunk or document it came in. */
  readonly object: JsonObject;
  readonly text: string;
}

/** The providers' words for why a model stopped; any other is OTHER. `eos` is Together's, `model_length` Mistral's, `sensitive` Z.ai's. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: FinishReason.STOP,
  eos: FinishReason.STOP,
  end_turn: FinishReason.STOP,
  stop_sequence: FinishReason.STOP_SEQUENCE,
  length: FinishReason.LENGTH,
  max_tokens: FinishReason.LENGTH,
  model_length: FinishReason.LENGTH,
  tool_calls: FinishReason.TOOL_CALLS,
  function_call: FinishReason.TOOL_CALLS,
  content_filter: FinishReason.CONTENT_FILTER,
  sensitive: FinishReason.CONTENT_FILTER,
  refusal: FinishReason.REFUSAL,
};

/**
 * Creates the decoder of one answer of chat completions (platform.openai.com/docs/api-reference/chat), streamed or whole: a document's message
 * is read as one delta. Choice 0 alone is read. Usage is taken from the chunk, its first choice (Moonshot) or `x_groq`; while the answer
 * runs it is provisional, told now and then if it has grown. A finish_reason may be followed by more. The end marker is `[DONE]` or, unless the server's
 * quirks say otherwise, a finish_reason and the clean end of the body; `[DONE]` without a finish_reason is a truncated answer. An `error` in
 * a chunk or document, an `error` event and the finish_reason `error` are failures.
 */
export function createDecoder({ step, attempt, quirks, newId }: DecoderContext): AnswerDecoder {
  const message = createMessageReader({ step, owner: quirks.vendor, newId });
  let providerReason: string | undefined;
  let reported: ReportedUsage | undefined;
  let usages = 0;
  let told: Usage | undefined;
  let serviceTier = "";
  let ended = false;

  const readReported = (object: JsonObject): Usage => ({
    ...readUsage(object),
    ...(serviceTier !== "" && { serviceTier }),
  });

  const finalUsage = (out: ChatEvent[]): void => {
    if (reported === undefined) return;
    const providerUsageJson = usageText(reported);
    const cost = providerCost(providerUsageJson);
    const own = cost === undefined ? {} : { providerCostNanoUsd: cost };
    out.push(usageEvent(step, attempt, { ...readReported(reported.object), providerUsageJson, ...own }, true));
    reported = undefined;
  };

  const addUsage = (object: JsonObject, whole: boolean, text: string, out: ChatEvent[]): void => {
    reported = { object, text };
    usages += 1;
    if (!whole && isWorthTelling(usages)) tellUsage(out);
  };

  const tellUsage = (out: ChatEvent[]): void => {
    if (reported === undefined) return;
    const usage = readReported(reported.object);
    if (!hasGrown(told, usage)) return;
    told = usage;
    out.push(usageEvent(step, attempt, usage, false));
  };

  const fail = (error: ExecutionError, out: ChatEvent[]): never => {
    finalUsage(out);
    throw error;
  };

  const addChoice = (choice: JsonObject, whole: boolean, text: string, out: ChatEvent[]): void => {
    const body = messageOf(choice, whole);
    if (body !== undefined) message.add(hasObjectArguments(body) ? exactMessage(text, whole) : body, whole, out);
    const logprobs = asObject(choice.logprobs);
    if (logprobs !== undefined) message.addLogprobs(logprobs, out);
    if (typeof choice.finish_reason === "string") providerReason = asWord(choice.finish_reason);
  };

  /** Reads a chunk or a document whose JSON is `text`. */
  const add = (chunk: JsonObject, whole: boolean, text: string, out: ChatEvent[]): void => {
    const choice = firstChoice(chunk);
    if (choice !== undefined) addChoice(choice, whole, text, out);
    message.addSources(sourcesOf(chunk), out);
    if (typeof chunk.service_tier === "string") serviceTier = asWord(chunk.service_tier);
    const found = usageOf(chunk, choice);
    if (found !== undefined) addUsage(found, whole, text, out);
    const failed = [chunk, choice].find((part) => isError(part?.error));
    if (failed !== undefined) fail(readErrorValue(failed), out);
    if (providerReason === "error") fail(providerError("PROVIDER_MODEL_ERROR", ""), out);
  };

  const complete = (out: ChatEvent[]): void => {
    message.finish(out);
    finalUsage(out);
    const providerWord = providerReason ?? "";
    out.push(
      chatEvent({
        case: "finished",
        value: {
          $typeName: "execution.v1.Finished",
          reason: finishReason(providerWord, message.toolCallCount() > 0, message.hasRefusal()),
          providerReason: providerWord,
          attempt: 0,
          priceVersion: "",
          attempts: [],
          providerMessage: "",
        },
      }),
    );
    ended = true;
  };

  return {
    ended: () => ended,
    event: (data, name, out) => {
      if (data.startsWith("[DONE]")) {
        if (providerReason === undefined) throw truncated();
        return complete(out);
      }
      const chunk = asObject(tryParse(data));
      if (name === "error") fail(readErrorValue(chunk ?? data), out);
      if (chunk === undefined) throw unreadable();
      if (chunk.object === "error") fail(readErrorValue(chunk), out);
      add(chunk, false, data, out);
    },
    document: (text, out) => {
      const parsed = tryParse(text);
      if (parsed === undefined) throw unreadable();
      const document = asObject(parsed) ?? {};
      if (firstChoice(document) === undefined) {
        const isRefused = isError(document.error) || document.object === "error" || Array.isArray(parsed);
        throw isRefused ? readErrorValue(parsed) : unreadable();
      }
      add(document, true, text, out);
      complete(out);
    },
    end: (out) => {
      if (quirks.endMarker === "done" || providerReason === undefined) throw truncated();
      complete(out);
    },
    failed: tellUsage,
  };
}

function unreadable(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider sent something that is not a chat completion");
}

/** Choice 0; a chunk may hold others, or none. */
function firstChoice(chunk: JsonObject): JsonObject | undefined {
  for (const entry of asArray(chunk.choices)) {
    const choice = asObject(entry);
    if (choice !== undefined && (choice.index ?? 0) === 0) return choice;
  }
  return undefined;
}

/** Usage is beside the choices, in the choice (Moonshot) or in `x_groq`. */
function usageOf(chunk: JsonObject, choice: JsonObject | undefined): JsonObject | undefined {
  return asObject(chunk.usage) ?? asObject(choice?.usage) ?? asObject(asObject(chunk.x_groq)?.usage);
}

/** The usage object as it was written, where it is in its usual place. */
function usageText({ object, text }: ReportedUsage): string {
  const written = jsonMember(text, "usage");
  return written?.startsWith("{") ? written : JSON.stringify(object);
}

/** Perplexity's search results, else the URLs that it and xAI list. */
function sourcesOf({ search_results: results, citations }: JsonObject): readonly unknown[] {
  return Array.isArray(results) && results.length > 0 ? results : asArray(citations);
}

/** Perplexity sends both; each is right in its own framing. */
function messageOf(choice: JsonObject, whole: boolean): JsonObject | undefined {
  const delta = asObject(choice.delta);
  const message = asObject(choice.message);
  return whole ? (message ?? delta) : (delta ?? message);
}

/** Arguments that are an object instead of its text: parsed plainly they would lose digits. */
function hasObjectArguments(message: JsonObject): boolean {
  if (message.tool_calls === undefined && message.function_call === undefined) return false;
  const functions = [message.function_call, ...asArray(message.tool_calls).map((call) => asObject(call)?.function)];
  return functions.some((called) => typeof asObject(called)?.arguments === "object");
}

/** The same message with its numbers as they were written. */
function exactMessage(text: string, whole: boolean): JsonObject {
  const choice = firstChoice(asObject(parseExact(text)) ?? {});
  const message = choice === undefined ? undefined : messageOf(choice, whole);
  if (message === undefined) throw unreadable();
  return message;
}

function isError(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return asText(value) !== "" || Object.keys(asObject(value) ?? {}).length > 0;
}

/** OpenAI and others say `stop` too when the model refused, or called the one tool it had to. */
function finishReason(word: string, hasToolCalls: boolean, hasRefusal: boolean): FinishReason {
  if (word === "stop" && hasToolCalls) return FinishReason.TOOL_CALLS;
  if (word === "stop" && hasRefusal) return FinishReason.REFUSAL;
  // Every object has a `constructor`.
  return Object.hasOwn(REASONS, word) ? (REASONS[word] ?? FinishReason.OTHER) : FinishReason.OTHER;
}
