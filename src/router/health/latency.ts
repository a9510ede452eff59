/** Samples that a percentile looks back on. */
const KEPT_SAMPLES = 100;

/** Samples below which nothing is said of a percentile. */
const LEAST_SAMPLES = 20;

/** Time after which a sample weighs a third, in milliseconds. */
const DECAY_MS = 10_000;

/** What is known of how soon one model of one instance begins to answer. */
export interface Latency {
  /** An attempt has begun to answer, so many milliseconds after it began. */
  record(ms: number): void;
  /**
   * Peak EWMA of the time to first content in milliseconds: it rises with a slow answer at once, and falls slowly with fast ones and with time, so that
   * who was slow is tried again. Undefined if nothing was measured.
   */
  smoothedMs(): number | undefined;
  /** The time within which so much of the last hundred answers began (0.95), in milliseconds; undefined below twenty. */
  percentileMs(share: number): number | undefined;
}

/** Creates statistics without a sample. `nowMs` is a monotonic clock in milliseconds. */
export function createLatency(nowMs: () => number): Latency {
  const samples: number[] = [];
  let count = 0;
  let smoothed: number | undefined;
  let sampledAtMs = 0;
  const weightOf = (now: number): number => Math.exp((sampledAtMs - now) / DECAY_MS);
  return {
    record: (ms) => {
      samples[count % KEPT_SAMPLES] = ms;
      count += 1;
      const now = nowMs();
      const weight = weightOf(now);
      sampledAtMs = now;
      smoothed = smoothed === undefined || ms > smoothed ? ms : smoothed * weight + ms * (1 - weight);
    },
    smoothedMs: () => (smoothed === undefined ? undefined : smoothed * weightOf(nowMs())),
    percentileMs: (share) => {
      if (samples.length < LEAST_SAMPLES) return undefined;
      const sorted = [...samples].sort((one, other) => one - other);
      return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
    },
  };
}
