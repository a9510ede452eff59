import { isDeepStrictEqual } from "node:util";
import type { ChatEvent } from "../../src/contract/events.ts";
import type { USAGE_BUCKETS } from "../../src/contract/usage.ts";
import type { ToolCallFinished } from "../../src/gen/execution/v1/chat_pb.js";
import { Executor } from "../../src/gen/execution/v1/content_pb.js";
import type { Usage } from "../../src/gen/execution/v1/usage_pb.js";
import type { JsonValue } from "../emulators/exchange.ts";
import type { ExpectedAnswer } from "./recordings.ts";

/** One tool call of an answer. */
export interface OutcomeToolCall {
  readonly id: string;
  /** True if the platform made the id because the provider gave none. */
  readonly idMinted: boolean;
  readonly name: string;
  /** As the model wrote them; what the deltas concatenate to, `{}` if there were none. */
  readonly argumentsText: string;
  /** Parsed; `{"__raw__": text}` unless they are a JSON object. */
  readonly arguments: JsonValue;
}

/** What an answer came to, in the words of `expected.json`. */
export interface ChatOutcome {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  /** Those the caller runs. */
  readonly toolCalls: readonly OutcomeToolCall[];
  /** Number of calls of tools that the provider ran, and of their results. */
  readonly providerCalls: number;
  readonly providerResults: number;
  /** Whether `finished` came. */
  readonly finished: boolean;
  /** The provider's own word; undefined where it gave none, or before `finished`. */
  readonly finishReason: string | undefined;
  /** The final usage of the last attempt; undefined if there was none. */
  readonly usage: Usage | undefined;
}

/** Folds the events of one call with one step. Throws where the deltas of a tool call are not its arguments. */
export function outcomeOf(events: Iterable<ChatEvent>): ChatOutcome {
  const outcome = { text: "", reasoning: "", refusal: "", finished: false, providerReason: "" };
  let usage: Usage | undefined;
  const calls = createCallReader();
  for (const { event } of events) {
    calls.read(event);
    switch (event.case) {
      case "textDelta":
        outcome.text += event.value.text;
        break;
      case "reasoningDelta":
        outcome.reasoning += event.value.text;
        break;
      case "refusalDelta":
        outcome.refusal += event.value.text;
        break;
      case "usage":
        if (event.value.final) usage = event.value.usage;
        break;
      case "finished":
        outcome.finished = true;
        outcome.providerReason = event.value.providerReason;
        break;
      default:
        break;
    }
  }
  const { providerReason, ...rest } = outcome;
  return { ...rest, ...calls.result(), finishReason: providerReason === "" ? undefined : providerReason, usage };
}

/** Puts tool calls together, and counts those of the provider apart. */
function createCallReader() {
  const open = new Map<number, { text: string; idMinted: boolean }>();
  const toolCalls: OutcomeToolCall[] = [];
  let providerCalls = 0;
  let providerResults = 0;
  const finish = ({ part, id, name, argumentsJson, executor }: ToolCallFinished): void => {
    const call = open.get(part);
    if (call === undefined) throw new Error(`tool call ${id} finished without its start`);
    const { text, idMinted } = call;
    if (argumentsJson !== (text === "" ? "{}" : text)) throw new Error(`deltas of ${id} are not its arguments`);
    if (executor === Executor.PROVIDER) providerCalls += 1;
    else toolCalls.push({ id, idMinted, name, argumentsText: argumentsJson, arguments: readArguments(argumentsJson) });
  };
  return {
    read(event: ChatEvent["event"]): void {
      switch (event.case) {
        case "toolCallStarted":
          open.set(event.value.part, { text: "", idMinted: event.value.idMinted });
          break;
        case "toolCallDelta": {
          const call = open.get(event.value.part);
          if (call === undefined) throw new Error("a tool call's delta before its start");
          call.text += event.value.argumentsDelta;
          break;
        }
        case "toolCallFinished":
          finish(event.value);
          break;
        case "toolResult":
          if (event.value.executor === Executor.PROVIDER) providerResults += 1;
          break;
        default:
          break;
      }
    },
    result: () => ({ toolCalls, providerCalls, providerResults }),
  };
}

/** Buckets as a wire's usage object has them; null is one that must be absent, and what is missing is not compared. */
export type UsageFigures = { readonly [Bucket in (typeof USAGE_BUCKETS)[number]]?: number | null };

/**
 * Reads the figures of a wire out of the provider's own usage object. It is written beside the tests, so that the adapter's reading is not
 * compared with itself.
 */
export type FiguresReader = (reported: JsonValue) => UsageFigures;

/** What of an outcome is not as `expected.json` says, one line each; empty if all is. An `error` in it is not looked at. */
export function differences(outcome: ChatOutcome, expected: ExpectedAnswer, figures: FiguresReader): string[] {
  const wanted = (expected.toolCalls ?? []).map(({ id, name, arguments: given }) => ({
    id: id ?? "",
    name,
    arguments: given,
  }));
  const got = outcome.toolCalls.map((call) => ({
    id: call.idMinted ? "" : call.id,
    name: call.name,
    arguments: call.arguments,
  }));
  return [
    ...unequal("text", outcome.text, expected.text ?? ""),
    ...unequal("reasoning", outcome.reasoning, expected.reasoning ?? ""),
    ...unequal("toolCalls", got, wanted),
    ...unequal("finishReason", outcome.finishReason ?? null, expected.finishReason ?? null),
    ...usageDifferences(outcome.usage, expected.usage ?? null, figures),
  ];
}

/** Compares a usage with the provider's own object: the object itself, then the figures a client reads. */
function usageDifferences(usage: Usage | undefined, reported: JsonValue, figures: FiguresReader): string[] {
  // A gateway ends every attempt with a final usage; where the provider reported nothing, nothing is known in it.
  if (reported === null) return unequal("usage", usage?.providerUsageJson || null, null);
  if (usage === undefined) return ["usage: none, but the provider reported some"];
  const wanted = Object.entries(figures(reported)) as [keyof UsageFigures, number | null][];
  return [
    ...unequal("usage", JSON.parse(usage.providerUsageJson) as JsonValue, reported),
    ...wanted.flatMap(([bucket, count]) => unequal(`usage.${bucket}`, usage[bucket] ?? null, count)),
  ];
}

/** The number at a path of a reported usage; null where there is none. */
export function numberAt(value: JsonValue, ...path: readonly string[]): number | null {
  let current: unknown = value;
  for (const key of path) {
    current = typeof current === "object" && current !== null ? (current as Record<string, unknown>)[key] : undefined;
  }
  return typeof current === "number" ? current : null;
}

function unequal(name: string, got: unknown, wanted: unknown): string[] {
  if (isDeepStrictEqual(got, wanted)) return [];
  return [`${name}: got ${shorten(got)}, wanted ${shorten(wanted)}`];
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length <= 400 ? text : `${text.slice(0, 400)}... (${text.length} characters)`;
}

function readArguments(text: string): JsonValue {
  try {
    const value = JSON.parse(text) as JsonValue;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Free text, or what the model wrote instead of JSON.
  }
  return { __raw__: text };
}
