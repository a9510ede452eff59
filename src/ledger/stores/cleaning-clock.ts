/** What the clock is made of. */
export interface CleaningClockDeps {
  /** The wall clock, milliseconds since the epoch, which may jump. */
  readonly nowMs: () => number;
  /** Milliseconds since an arbitrary start, monotonic. */
  readonly monotonicMs: () => number;
}

/** How far the wall clock is followed where it runs ahead, in milliseconds. */
const AHEAD_MS = 3_600_000;

/**
 * Creates the clock by which it is decided what is too old: the wall clock, but no more than an hour ahead of where the time that has passed since has brought it. What is taken
 * away does not come back, so a clock that jumps to another year must not take all there is; one that is wrong from the start cannot be told from one that is right.
 */
export function createCleaningClock({ nowMs, monotonicMs }: CleaningClockDeps): () => number {
  const offset = nowMs() - monotonicMs();
  return () => Math.min(nowMs(), monotonicMs() + offset + AHEAD_MS);
}
