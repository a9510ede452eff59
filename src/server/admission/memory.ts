/** What measuring memory needs. */
export interface MemoryMeterDeps {
  /** Memory in use as a share of what there is, garbage included. */
  readonly measure: () => number;
  /** Collects all garbage. */
  readonly collect: () => void;
  /** Milliseconds since an arbitrary start, monotonic. */
  readonly monotonicMs: () => number;
  /** The share from which on it matters what is garbage. */
  readonly high: number;
}

/** A collection is followed by so many times its own length without another. */
const REST_FACTOR = 20;

/**
 * Measures how much of the memory is really in use; to be called about once a second. A heap fills with garbage until there is need, so a share
 * above the mark says nothing by itself: then garbage is collected, and what the next sample finds is the truth. In between the last answer stands.
 */
export function createMemoryMeter({ measure, collect, monotonicMs, high }: MemoryMeterDeps): () => number {
  let known = 0;
  let restsUntilMs = Number.NEGATIVE_INFINITY;
  let hasCollected = false;
  return () => {
    const share = measure();
    if (share < high || hasCollected) {
      known = share;
      hasCollected = false;
      return known;
    }
    const startedMs = monotonicMs();
    if (startedMs < restsUntilMs) return known;
    collect();
    const endedMs = monotonicMs();
    restsUntilMs = endedMs + REST_FACTOR * (endedMs - startedMs);
    // Buffers are given back only some time after their owners are gone.
    hasCollected = true;
    return known;
  };
}
