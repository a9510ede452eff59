import { backoffMs } from "../../backoff.ts";
import type { ExecutionError } from "../../errors.ts";
import { failureOf } from "./failure.ts";
import { type Reaction, reactionTo } from "./reactions.ts";
import type { Place, Situation, Try } from "./situation.ts";

/** What comes next: an attempt at a place, or the end. START is the first attempt. */
export type NextMove =
  | { readonly kind: "START" | "RETRY" | "FALLBACK" | "CONTINUE"; readonly place: number; readonly afterMs: number }
  | { readonly kind: "FAIL"; readonly error: ExecutionError };

/** Bounds of the random wait before a retry, which doubles: up to 250 ms before the first, up to 8 s in the end. */
const BACKOFF = { firstMs: 250, longestMs: 8_000 };

/** A provider that wants to be left alone for longer is not waited for. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Longest wait for a retry while another candidate could answer at once. */
const LONGEST_WAIT_BEFORE_FALLBACK_MS = 500;

/** Time that an attempt needs at the least. */
const LEAST_ATTEMPT_MS = 100;

/** Decides what comes next. Pure. */
export function nextMove(situation: Situation): NextMove {
  const last = situation.tries.at(-1);
  const fail = (): NextMove => ({ kind: "FAIL", error: failureOf(situation) });
  if (last === undefined) {
    const place = situation.places.findIndex(({ isUnfit, waitMs }) => !isUnfit && waitMs === 0);
    return place < 0 ? fail() : { kind: "START", place, afterMs: 0 };
  }
  const reaction = reactionTo(last.error);
  if (last.hadContent) return continuation(situation, last, reaction) ?? fail();
  const retry = retryOf(situation, last, reaction);
  const fallback = fallbackOf(situation, last, reaction);
  if (fallback === undefined) return retry ?? fail();
  const isFirst = reaction.fallback === "first";
  return retry === undefined || isFirst || retry.afterMs > LONGEST_WAIT_BEFORE_FALLBACK_MS ? fallback : retry;
}

/** Another attempt at the same place. */
function retryOf(situation: Situation, last: Try, reaction: Reaction) {
  const { places, tries, random } = situation;
  const place = places[last.place];
  if (place === undefined || !place.isInBudget || !place.isAffordable) return undefined;
  const { otherKey = false, retryAfterMs = 0 } = last.error.extras;
  const done = tries.filter((each) => each.place === last.place && each.error.extras.otherKey !== true).length;
  const move = (afterMs: number) => ({ kind: "RETRY" as const, place: last.place, afterMs });
  // The instance has as many other keys as there are such answers, so they end.
  if (otherKey && place.waitMs === 0) return hasTime(situation, place, 0) ? move(0) : undefined;
  const allowed = { never: 0, once: Math.min(1, place.retries), always: place.retries }[reaction.retry];
  if (done > allowed || retryAfterMs > LONGEST_RETRY_AFTER_MS) return undefined;
  if (place.waitMs > 0 && place.state !== "paused") return undefined;
  const jitterMs = backoffMs(BACKOFF, done, random);
  const afterMs = Math.round(Math.max(retryAfterMs, place.waitMs) + jitterMs);
  return hasTime(situation, place, afterMs) ? move(afterMs) : undefined;
}

/** The next candidate that may be tried now. */
function fallbackOf(situation: Situation, last: Try, { fallback }: Reaction) {
  const { policy, places } = situation;
  if (!policy.mayFallBack || fallback === "never") return undefined;
  if (fallback === "opt_in" && !policy.fallBackOnBlock) return undefined;
  const window = places[last.place]?.contextWindow;
  const place = places.findIndex(
    (each, index) =>
      isFree(situation, each, index) &&
      (fallback !== "larger" ||
        (window !== undefined && each.contextWindow !== undefined && each.contextWindow > window)),
  );
  return place < 0 ? undefined : { kind: "FALLBACK" as const, place, afterMs: 0 };
}

/** The next candidate that can go on with what was said. */
function continuation(situation: Situation, { error }: Try, { fallback }: Reaction): NextMove | undefined {
  const isProvidersFault = error.origin === "provider" && (fallback === "yes" || fallback === "first");
  if (!(situation.policy.mayContinue && isProvidersFault)) return undefined;
  const place = situation.places.findIndex((each, index) => each.takesPrefix && isFree(situation, each, index));
  return place < 0 ? undefined : { kind: "CONTINUE", place, afterMs: 0 };
}

/** True for a candidate that was not tried and may be. A second attempt at one instance is a retry to it, whatever the model. */
function isFree(situation: Situation, place: Place, index: number): boolean {
  const { tries, places } = situation;
  if (place.isUnfit || !place.isAffordable || place.waitMs > 0 || tries.some((each) => each.place === index))
    return false;
  const isSecond = tries.some((each) => places[each.place]?.provider === place.provider);
  return (!isSecond || place.isInBudget) && hasTime(situation, place, 0);
}

/** No attempt starts that cannot finish: what is left must last for what the place usually needs to begin to answer. */
function hasTime({ remainingMs }: Situation, { usualMs }: Place, afterMs: number): boolean {
  return remainingMs - afterMs >= Math.max(LEAST_ATTEMPT_MS, usualMs);
}
