import { ExecutionError } from "../errors.ts";

/** A signal that fires when the caller leaves, when the call's time is over, or when the server gives the call up. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Ends the call; its signal's reason is the error. Later calls change nothing. */
  abort(error: ExecutionError): void;
  /** Ends the call this many milliseconds after its start unless it ends sooner anyway. */
  limit(totalMs: number): void;
  /** Stops the timer. */
  clear(): void;
}

/** Longest time a timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Starts the clock of a call that may take `totalMs`. The call is ended a margin earlier so that the caller still receives our status. */
export function createDeadline(totalMs: number): Deadline {
  const controller = new AbortController();
  const startedAt = performance.now();
  let endsAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const limit = (limitMs: number): void => {
    const at = startedAt + limitMs - marginMs(limitMs);
    if (at >= endsAt || controller.signal.aborted) return;
    endsAt = at;
    clearTimeout(timer);
    timer = setTimeout(
      () => controller.abort(new ExecutionError("DEADLINE", `the call did not end within its ${limitMs} ms`)),
      Math.min(MAX_TIMER_MS, Math.max(0, at - performance.now())),
    );
  };
  limit(totalMs);
  return {
    signal: controller.signal,
    abort: (error) => {
      clearTimeout(timer);
      controller.abort(error);
    },
    limit,
    clear: () => clearTimeout(timer),
  };
}

/** 2 % of the time, at least 50 ms and at most 1 s, but never more than half of it. */
function marginMs(totalMs: number): number {
  return Math.min(totalMs / 2, Math.max(50, Math.min(1000, totalMs * 0.02)));
}
