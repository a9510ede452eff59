import type { ExecutionError, Reason } from "../errors.ts";
import { Billed } from "../gen/execution/v1/usage_pb.js";

/** What was seen of an attempt that did not give its answer. */
export interface AttemptTrace {
  /** True if the provider said what it used. */
  readonly hasUsage: boolean;
  /** True once the headers of an answer came, whatever its status. */
  readonly hasHeaders: boolean;
  /** True once content was handed on. */
  readonly hasContent: boolean;
}

/** What happens to an answer that has begun, or is about to: what was made until then may be billed. No provider says so of itself. */
const OUTCOME_NOT_SEEN: ReadonlySet<Reason> = new Set([
  "UPSTREAM_TRUNCATED",
  "UPSTREAM_STALLED",
  "PROVIDER_PROTOCOL",
  "PROVIDER_TIMEOUT",
]);

/** Who leaves or runs out of time says nothing of what the provider does meanwhile. */
const GIVEN_UP: ReadonlySet<Reason> = new Set(["CANCELLED", "DEADLINE"]);

/**
 * Whether an attempt that did not give its answer is billed; without an error its reader left. A provider that says what was used bills it. It
 * does not if it got nothing of the request, or refused it with an error of its own before it began to answer. Else it may.
 */
export function billedOf(
  error: ExecutionError | undefined,
  { hasUsage, hasHeaders, hasContent }: AttemptTrace,
): Billed {
  if (hasUsage) return Billed.YES;
  if (hasContent || error === undefined) return Billed.UNKNOWN;
  if (error.extras.unsent === true) return Billed.NO;
  const isRefusal = hasHeaders && error.origin === "provider" && !OUTCOME_NOT_SEEN.has(error.reason);
  const isUnbuilt = !hasHeaders && error.origin === "caller" && !GIVEN_UP.has(error.reason);
  return isRefusal || isUnbuilt ? Billed.NO : Billed.UNKNOWN;
}
