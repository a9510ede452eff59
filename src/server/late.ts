import { inTurn, NOBODY } from "./turns.ts";

// Those who began together are late together: a thousand calls with one deadline, or as many readers that took nothing. Ending one costs little,
// ending all of them in one turn of the event loop keeps everybody else waiting.

/** A time that is awaited. */
export interface Late {
  /** Nothing is done any more, even if the time is over. */
  clear(): void;
}

/** Does something once so many milliseconds have passed: a few of those whose time is over at once in each turn of the event loop. */
export function startLate(afterMs: number, act: () => void): Late {
  let cleared = false;
  const late = (): void =>
    inTurn(NOBODY, () => {
      if (cleared) return false;
      act();
      return true;
    });
  const timer = setTimeout(late, afterMs);
  return {
    clear: () => {
      cleared = true;
      clearTimeout(timer);
    },
  };
}
