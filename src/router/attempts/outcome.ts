import { create } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import {
  AttemptOutcome,
  type AttemptSummary,
  Billed,
  type Timings,
  TimingsSchema,
} from "../../gen/execution/v1/usage_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";

/** The error of an answer that ended without its end marker. */
export function brokenOff(): ExecutionError {
  return new ExecutionError("UPSTREAM_TRUNCATED", "the provider's answer ended without its end marker");
}

/** Points of an attempt's time, in whole milliseconds from its start; undefined if it was not reached. */
export interface AttemptTimes {
  readonly headersMs: number | undefined;
  readonly firstContentMs: number | undefined;
  readonly totalMs: number;
}

/** Times as the contract has them, each so many milliseconds later. */
export function timingsOf({ headersMs, firstContentMs, totalMs }: AttemptTimes, offsetMs: number): Timings {
  return create(TimingsSchema, {
    totalMs: totalMs + offsetMs,
    ...(headersMs === undefined ? {} : { headersMs: headersMs + offsetMs }),
    ...(firstContentMs === undefined ? {} : { firstContentMs: firstContentMs + offsetMs }),
  });
}

/** Writes down that the attempt gave its step's answer. */
export function markWon(summary: AttemptSummary): void {
  summary.outcome = AttemptOutcome.WON;
  summary.billed = Billed.YES;
}

/** Writes down that the attempt was given up: its reader left, or another one was faster. One that was not sent is not billed. */
export function markGivenUp(summary: AttemptSummary, wasSent: boolean): void {
  summary.outcome = AttemptOutcome.CANCELLED;
  if (summary.usage !== undefined) summary.billed = Billed.YES;
  else summary.billed = wasSent ? Billed.UNKNOWN : Billed.NO;
}

/** Writes down how an attempt failed, and whether it is billed. */
export function markFailed(summary: AttemptSummary, error: ExecutionError, times: AttemptTimes): void {
  const isCancelled = error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED;
  summary.outcome = isCancelled ? AttemptOutcome.CANCELLED : AttemptOutcome.FAILED;
  summary.reason = error.reason;
  summary.billed = billedOf(summary, error, times);
}

/** Ends of an answer that had begun: what was made until then may be billed. */
const MAY_BE_BILLED: ReadonlySet<string> = new Set(["UPSTREAM_TRUNCATED", "UPSTREAM_STALLED", "PROVIDER_TIMEOUT"]);

/** A provider that refused does not bill; once it began to answer it may. */
function billedOf(
  { usage }: AttemptSummary,
  error: ExecutionError,
  { headersMs, firstContentMs }: AttemptTimes,
): Billed {
  if (usage !== undefined) return Billed.YES;
  if (firstContentMs !== undefined) return Billed.UNKNOWN;
  const refused = error.origin === "provider" && headersMs !== undefined && !MAY_BE_BILLED.has(error.reason);
  const unsent = error.origin === "caller" && headersMs === undefined && error.code === Code.INVALID_ARGUMENT;
  return refused || unsent ? Billed.NO : Billed.UNKNOWN;
}
