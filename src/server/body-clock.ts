import { type Late, startLate } from "./late.ts";

/** Bytes a second with which a body may take longer than its time. */
const LEAST_BYTES_PER_SECOND = 16 * 1024;

/** How often a body that takes longer is looked at, in milliseconds. */
const LOOK_MS = 1000;

/** The time a request's body has. */
export interface BodyClock {
  stop(): void;
}

/**
 * Gives a body `timeoutMs` from now to arrive, and more as long as it came with at least 16 KiB a second: whoever sends a large one over a slow link
 * is served, and whoever trickles (slow loris) is not.
 */
export function startBodyClock(timeoutMs: number, received: () => number, onLate: () => void): BodyClock {
  const startedAt = performance.now();
  let clock: Late;
  const look = (): void => {
    const seconds = (performance.now() - startedAt) / 1000;
    if (received() < seconds * LEAST_BYTES_PER_SECOND) onLate();
    else clock = startLate(LOOK_MS, look);
  };
  clock = startLate(timeoutMs, look);
  return { stop: () => clock.clear() };
}
