import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

/** Longest time a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits some milliseconds, or for ever if they are infinite; 0 is one turn of the event loop. Rejects at once when the signal fires. */
export type Pause = (delayMs: number, signal: AbortSignal) => Promise<void>;

/** Pauses by the process's own timers, which are cleared when the signal fires. */
export const pauseByTimers: Pause = async (delayMs, signal) => {
  if (delayMs <= 0) {
    await turn(undefined, { signal });
    return;
  }
  for (let leftMs = delayMs; leftMs > 0; leftMs -= MAX_TIMER_MS) {
    await sleep(Math.min(leftMs, MAX_TIMER_MS), undefined, { signal });
  }
};
