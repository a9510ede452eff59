import { ExecutionError } from "../../errors.ts";
import { endsCall } from "./reactions.ts";
import type { Situation } from "./situation.ts";

/** Shortest time after which a caller is asked to try again, in milliseconds. */
const LEAST_RETRY_AFTER_MS = 250;

/**
 * The error of a call that nothing comes after: that of its attempts if all failed alike, or if the last had content or was ended by its caller;
 * else NO_HEALTHY_TARGET, with the time until the first candidate may be tried again.
 */
export function failureOf(situation: Situation): ExecutionError {
  const { tries } = situation;
  const last = tries.at(-1);
  if (last === undefined) return noHealthyTarget(situation, "no candidate can be tried now");
  if (last.hadContent || endsCall(last.error)) return last.error;
  if (tries.every(({ error }) => error.reason === last.error.reason)) return withCooldown(last.error, situation);
  return noHealthyTarget(situation, `every attempt failed: ${namesOf(situation)}`);
}

function noHealthyTarget(situation: Situation, message: string): ExecutionError {
  const retryAfterMs = Math.max(LEAST_RETRY_AFTER_MS, Math.ceil(shortestWaitMs(situation) ?? 0));
  return new ExecutionError("NO_HEALTHY_TARGET", message, { retryAfterMs });
}

/** A refusal that may pass says when, if nothing in it does and the place is left alone for a while. */
function withCooldown(error: ExecutionError, situation: Situation): ExecutionError {
  const waitMs = shortestWaitMs(situation);
  if (!error.retryable || error.extras.retryAfterMs !== undefined || waitMs === undefined) return error;
  return error.with({ retryAfterMs: Math.ceil(waitMs) });
}

/** How long until the first of the candidates may be tried; undefined if none of them is kept out. */
function shortestWaitMs({ places }: Situation): number | undefined {
  const waits = places.filter(({ isUnfit }) => !isUnfit).map(({ waitMs }) => waitMs);
  const positive = waits.filter((waitMs) => waitMs > 0);
  return positive.length === 0 ? undefined : Math.min(...positive);
}

function namesOf({ places, tries }: Situation): string {
  return tries
    .map(({ place, error }) => `${places[place]?.provider}/${places[place]?.model}: ${error.reason}`)
    .join("; ");
}
