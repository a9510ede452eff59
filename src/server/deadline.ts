import { ExecutionError } from "../errors.ts";
import { type Late, startLate } from "./late.ts";

/** A signal that fires when the caller leaves, when the call's time is over, or when the server gives the call up. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Ends the call; its signal's reason is the error. Later calls change nothing. */
  abort(error: ExecutionError): void;
  /** Ends the call this many milliseconds after its start instead. */
  setTotal(totalMs: number): void;
  /** Milliseconds until the call is to be ended, whether its caller is still there or not; 0 if that time has passed. */
  remainingMs(): number;
  /** Stops the timer. */
  clear(): void;
}

/** Longest time a timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Starts the clock of a call that may take `totalMs`. The call is ended a margin earlier so that the caller still receives our status. */
export function createDeadline(totalMs: number): Deadline {
  const controller = new AbortController();
  const startedAt = performance.now();
  let timer: Late | undefined;
  let endsAt = startedAt;
  const remainingMs = (): number => Math.max(0, endsAt - performance.now());
  const setTotal = (ms: number): void => {
    if (controller.signal.aborted) return;
    timer?.clear();
    endsAt = startedAt + ms - marginMs(ms);
    timer = startLate(Math.min(MAX_TIMER_MS, remainingMs()), () =>
      controller.abort(new ExecutionError("DEADLINE", `the call did not end within its ${ms} ms`)),
    );
  };
  setTotal(totalMs);
  return {
    signal: controller.signal,
    abort: (error) => {
      timer?.clear();
      controller.abort(error);
    },
    setTotal,
    remainingMs,
    clear: () => timer?.clear(),
  };
}

/** 2 % of the time, at least 50 ms and at most 1 s, but never more than half of it. */
function marginMs(totalMs: number): number {
  return Math.min(totalMs / 2, Math.max(50, Math.min(1000, totalMs * 0.02)));
}
