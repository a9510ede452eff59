import { ExecutionError } from "../../errors.ts";

/** Counts the calls that go on without a reader, and ends each of them in time. */
export interface Unattended {
  /**
   * Lets a call go on without a reader. Returns what ends the wait; undefined if too many wait already. `onTimeUp` is called with the error that
   * ends the call if nobody came.
   */
  wait(onTimeUp: (error: ExecutionError) => void): (() => void) | undefined;
}

/** Bounds of what goes on without a reader. */
export interface UnattendedLimits {
  readonly continueMs: number;
  readonly maxContinued: number;
}

/** Creates the bound of one process. */
export function createUnattended({ continueMs, maxContinued }: UnattendedLimits): Unattended {
  let waiting = 0;
  return {
    wait: (onTimeUp) => {
      if (waiting >= maxContinued) return undefined;
      waiting += 1;
      let over = false;
      const stop = (): void => {
        if (!over) waiting -= 1;
        over = true;
        clearTimeout(timer);
      };
      const timer = setTimeout(() => {
        stop();
        onTimeUp(new ExecutionError("CANCELLED", `the caller left and nobody came back within ${continueMs} ms`));
      }, continueMs);
      return stop;
    },
  };
}
