import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../../emulators/exchange.ts";
import type { OutcomeToolCall } from "../../support/compare-chat.ts";
import type { ReplayedAnswer } from "./answer-replay.ts";

/** A tool call as an SDK gives it: its arguments as the text the model wrote, or as the value the SDK made of it. */
export type SdkToolCall =
  | { readonly name: string; readonly argumentsText: string }
  | { readonly name: string; readonly arguments: JsonValue };

/** What the official SDK reads out of a recorded answer; a member that is missing is not compared. */
export interface SdkReading {
  readonly text: string;
  readonly reasoning?: string;
  /** Those the caller runs, in their order. */
  readonly toolCalls: readonly SdkToolCall[];
  readonly finishReason: string | undefined;
  /** The usage object where the SDK has it. */
  readonly usage: unknown;
}

/** A recorded answer that the SDK reads otherwise than we do, and why. `error`: only one of the two fails. */
export interface SdkException {
  /** The case's folder below `cases/`. */
  readonly dir: string;
  readonly field: keyof SdkReading | "error";
  readonly reason: string;
}

/** What the SDK did with a case. */
export type SdkOutcome = { readonly reading: SdkReading } | { readonly error: unknown };

/** In what we and the SDK disagree about the same bytes, one line each. An exception that is none is a line too. */
export function disagreements(ours: ReplayedAnswer, theirs: SdkOutcome, exception: SdkException | undefined): string[] {
  const found = compare(ours, theirs);
  const excepted = found.filter(([field]) => field === exception?.field);
  const others = found.filter(([field]) => field !== exception?.field);
  return [
    ...(exception !== undefined && excepted.length === 0 ? ["is no exception"] : []),
    ...others.map(([field, line]) => `${field}: ${line}`),
  ];
}

function compare({ outcome, error }: ReplayedAnswer, theirs: SdkOutcome): (readonly [string, string])[] {
  if ("error" in theirs || error !== undefined) {
    const isAlike = "error" in theirs && error !== undefined;
    return isAlike
      ? []
      : [["error", `we ${String(error)}, the SDK ${"error" in theirs ? String(theirs.error) : "none"}`]];
  }
  const { reading } = theirs;
  const usage: unknown = outcome.usage === undefined ? undefined : JSON.parse(outcome.usage.providerUsageJson);
  return [
    ...unequal("text", outcome.text, reading.text),
    ...(reading.reasoning === undefined ? [] : unequal("reasoning", outcome.reasoning, reading.reasoning)),
    ...unequal("toolCalls", alike(outcome.toolCalls, reading.toolCalls), reading.toolCalls.map(filledIn)),
    ...unequal("finishReason", outcome.finishReason, reading.finishReason),
    ...unequal("usage", usage, reading.usage),
  ];
}

/** Our calls in the form in which the SDK has its own. */
function alike(ours: readonly OutcomeToolCall[], theirs: readonly SdkToolCall[]): SdkToolCall[] {
  return ours.map(({ name, argumentsText, arguments: value }, index) => {
    const other = theirs[index];
    return other !== undefined && "arguments" in other ? { name, arguments: value } : { name, argumentsText };
  });
}

/** No arguments at all are `{}` to us. */
function filledIn(call: SdkToolCall): SdkToolCall {
  return "argumentsText" in call && call.argumentsText === "" ? { ...call, argumentsText: "{}" } : call;
}

function unequal(field: string, ours: unknown, theirs: unknown): (readonly [string, string])[] {
  if (isDeepStrictEqual(ours, theirs)) return [];
  return [[field, `we ${JSON.stringify(ours)}, the SDK ${JSON.stringify(theirs)}`]];
}
