import { type ChatEvent, chatEvent, usageEvent } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import type { Executor } from "../../gen/execution/v1/content_pb.js";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import { jsonElements, jsonMember } from "../../json-text.ts";
import { type AnswerDecoder, truncated } from "../exchange.ts";
import { asArray, asObject, asWord, type JsonObject, tryParse } from "../json.ts";
import { hasGrown, isWorthTelling } from "../usage-buckets.ts";
import { createContentReader } from "./content.ts";
import { readErrorValue } from "./errors.ts";
import { readUsage } from "./usage.ts";
import { candidateIndex, rawParts } from "./wire-json.ts";

/** What an answer is decoded for. */
export interface DecoderContext {
  readonly step: number;
  readonly attempt: number;
  /** A fresh id for a tool call whose provider gives none. */
  readonly newId: () => string;
  /** Who runs the function of a name: the caller, unless the provider was given servers of functions and the name is none of the caller's. */
  readonly executorOf: (name: string) => Executor;
}

/** Why the model stopped, in the provider's words. */
interface Ending {
  /** The finish reason, or of a blocked prompt the reason for that; empty if only a message was given. */
  readonly word: string;
  readonly message: string;
  readonly isBlock: boolean;
}

/**
 * The words for why a model stopped; any other is OTHER, as are those that name a fault of the model (MALFORMED_FUNCTION_CALL,
 * UNEXPECTED_TOOL_CALL, TOO_MANY_TOOL_CALLS ...): the answer ended, if not well, and it is billed.
 */
const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: FinishReason.STOP,
  MAX_TOKENS: FinishReason.LENGTH,
  SAFETY: FinishReason.CONTENT_FILTER,
  RECITATION: FinishReason.CONTENT_FILTER,
  BLOCKLIST: FinishReason.CONTENT_FILTER,
  PROHIBITED_CONTENT: FinishReason.CONTENT_FILTER,
  SPII: FinishReason.CONTENT_FILTER,
  MODEL_ARMOR: FinishReason.CONTENT_FILTER,
  IMAGE_SAFETY: FinishReason.CONTENT_FILTER,
  IMAGE_PROHIBITED_CONTENT: FinishReason.CONTENT_FILTER,
  IMAGE_RECITATION: FinishReason.CONTENT_FILTER,
};

/** Members that a chunk or document of this wire has at least one of. */
const MEMBERS = ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"];

/**
 * Creates the decoder of one answer of `generateContent` or `streamGenerateContent` (ai.google.dev/api/generate-content): events of a stream,
 * elements of an array, or a whole document, each a `GenerateContentResponse`. Candidate 0 alone is read. Usage comes with every chunk and counts from
 * the start; it is provisional until the end, told now and then if it has grown. The end marker is a finishReason, or the block of the prompt, and then the
 * clean end of the body. An `error` in a chunk or document is a failure.
 */
export function createDecoder({ step, attempt, newId, executorOf }: DecoderContext): AnswerDecoder {
  const content = createContentReader({ step, newId, executorOf });
  let ending: Ending | undefined;
  let reported: { readonly object: JsonObject; readonly text: string } | undefined;
  let usages = 0;
  let told: Usage | undefined;
  let ended = false;

  const addUsage = (object: JsonObject, text: string, whole: boolean, out: ChatEvent[]): void => {
    reported = { object, text };
    usages += 1;
    if (!whole && isWorthTelling(usages)) tellUsage(out);
  };

  const tellUsage = (out: ChatEvent[]): void => {
    if (reported === undefined) return;
    const usage = readUsage(reported.object, content.queries());
    if (!hasGrown(told, usage)) return;
    told = usage;
    out.push(usageEvent(step, attempt, usage, false));
  };

  const finalUsage = (out: ChatEvent[]): void => {
    if (reported === undefined) return;
    const { object, text } = reported;
    const providerUsageJson = jsonMember(text, "usageMetadata") ?? "";
    out.push(usageEvent(step, attempt, { ...readUsage(object, content.queries()), providerUsageJson }, true));
    reported = undefined;
  };

  /** Reads a chunk or a document whose JSON is `text`. */
  const add = (text: string, whole: boolean, out: ChatEvent[]): void => {
    const chunk = asObject(tryParse(text));
    if (chunk === undefined) throw unreadable();
    if (chunk.error !== undefined) {
      finalUsage(out);
      throw readErrorValue(chunk);
    }
    if (!MEMBERS.some((name) => name in chunk)) throw unreadable();
    const index = candidateIndex(chunk.candidates);
    const candidate = asObject(asArray(chunk.candidates)[index]);
    if (candidate !== undefined) {
      content.add(asArray(asObject(candidate.content)?.parts), rawParts(text, index), out);
      content.addMetadata(candidate, out);
    }
    ending = endingOf(chunk, candidate) ?? ending;
    const usage = asObject(chunk.usageMetadata);
    if (usage !== undefined) addUsage(usage, text, whole, out);
  };

  const complete = (out: ChatEvent[]): void => {
    content.finish(out);
    finalUsage(out);
    const { word = "", message = "" } = ending ?? {};
    out.push(
      chatEvent({
        case: "finished",
        value: {
          $typeName: "execution.v1.Finished",
          reason: finishReason(ending, content.waitingCalls() > 0),
          providerReason: word,
          attempt: 0,
          priceVersion: "",
          attempts: [],
          providerMessage: message,
        },
      }),
    );
    ended = true;
  };

  return {
    ended: () => ended,
    event: (data, _name, out) => add(data, false, out),
    document: (text, out) => {
      const documents = text.trimStart().startsWith("[") && tryParse(text) !== undefined ? jsonElements(text) : [text];
      for (const document of documents) add(document, true, out);
      complete(out);
    },
    end: (out) => {
      if (ending === undefined) throw truncated();
      complete(out);
    },
    failed: tellUsage,
  };
}

function unreadable(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider sent something that is no answer of generateContent");
}

function endingOf({ promptFeedback }: JsonObject, candidate: JsonObject | undefined): Ending | undefined {
  const word = wordOf(candidate?.finishReason);
  if (word !== "") return { word, message: asWord(candidate?.finishMessage), isBlock: false };
  const feedback = asObject(promptFeedback);
  const block = wordOf(feedback?.blockReason);
  const message = asWord(feedback?.blockReasonMessage);
  return block === "" && message === "" ? undefined : { word: block, message, isBlock: true };
}

/** An enum's word, or its number where numbers were asked for; empty if it is unspecified, which is no end. */
function wordOf(value: unknown): string {
  if (typeof value === "number") return value === 0 ? "" : String(value);
  const word = asWord(value);
  return word.endsWith("_UNSPECIFIED") ? "" : word;
}

function finishReason(ending: Ending | undefined, hasCalls: boolean): FinishReason {
  if (ending === undefined) return FinishReason.OTHER;
  if (ending.isBlock) return FinishReason.CONTENT_FILTER;
  if (ending.word === "STOP" && hasCalls) return FinishReason.TOOL_CALLS;
  // Every object has a `constructor`.
  return Object.hasOwn(REASONS, ending.word) ? (REASONS[ending.word] ?? FinishReason.OTHER) : FinishReason.OTHER;
}
