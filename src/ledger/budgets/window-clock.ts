/** The time that windows are taken by. */
export interface WindowClock {
  /** Milliseconds since the epoch. Never less than before. */
  now(): number;
  /** How long from now until that time, in milliseconds, if the wall clock does not jump meanwhile. */
  until(timeMs: number): number;
}

/** What the clock is made of. */
export interface WindowClockDeps {
  /** The wall clock, milliseconds since the epoch, which may jump. */
  readonly nowMs: () => number;
  /** Milliseconds since an arbitrary start, monotonic. */
  readonly monotonicMs: () => number;
}

/**
 * Creates the clock that windows are taken by: the wall clock, but it never goes back, so that no window opens twice. Where the wall clock has
 * jumped back, it goes on at half the pace until both agree again, so that no window stands still either.
 */
export function createWindowClock({ nowMs, monotonicMs }: WindowClockDeps): WindowClock {
  let last = nowMs();
  let lastMonotonic = monotonicMs();
  const now = (): number => {
    const monotonic = monotonicMs();
    last = Math.max(nowMs(), last + Math.max(0, monotonic - lastMonotonic) / 2);
    lastMonotonic = monotonic;
    return last;
  };
  return {
    now,
    until: (timeMs) => {
      const current = now();
      const ahead = Math.max(0, current - nowMs());
      const left = Math.max(0, timeMs - current);
      return Math.ceil(left + Math.min(left, ahead));
    },
  };
}
