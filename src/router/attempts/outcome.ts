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
import { type AttemptTrace, billedOf } from "../billing.ts";

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
export function markGivenUp(summary: AttemptSummary, wasSent: boolean, times: AttemptTimes): void {
  summary.outcome = AttemptOutcome.CANCELLED;
  summary.billed = wasSent ? billedOf(undefined, traceOf(summary, times)) : Billed.NO;
}

/** Writes down how an attempt failed, and whether it is billed. */
export function markFailed(summary: AttemptSummary, error: ExecutionError, times: AttemptTimes): void {
  const isCancelled = error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED;
  summary.outcome = isCancelled ? AttemptOutcome.CANCELLED : AttemptOutcome.FAILED;
  summary.reason = error.reason;
  summary.billed = billedOf(error, traceOf(summary, times));
}

function traceOf({ usage }: AttemptSummary, { headersMs, firstContentMs }: AttemptTimes): AttemptTrace {
  return {
    hasUsage: usage !== undefined,
    hasHeaders: headersMs !== undefined,
    hasContent: firstContentMs !== undefined,
  };
}
