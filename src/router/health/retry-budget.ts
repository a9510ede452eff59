/** Seconds that a budget looks back on. */
const WINDOW_SECONDS = 10;

/** Retries for each request, and retries a second that are allowed however few the requests are. */
const RATIO = 0.1;
const LEAST_PER_SECOND = 3;

/**
 * How many attempts more than its requests a provider instance may get, over the whole process: a tenth of the requests of the last ten seconds, at
 * least three a second. It keeps retries and hedges from multiplying the load on a provider that is failing under it.
 */
export interface RetryBudget {
  /** A request has reached the instance for the first time. */
  request(): void;
  /** True if one more attempt is in the budget now. */
  allows(): boolean;
  /** An attempt more was made. */
  spend(): void;
}

/** Creates a budget that nobody has used. `nowMs` is a monotonic clock in milliseconds. */
export function createRetryBudget(nowMs: () => number): RetryBudget {
  const requests = new Uint32Array(WINDOW_SECONDS);
  const retries = new Uint32Array(WINDOW_SECONDS);
  let second = 0;
  /** The slot of this second; those that were passed over are emptied. */
  const slot = (): number => {
    const now = Math.floor(nowMs() / 1000);
    const passed = Math.min(WINDOW_SECONDS, now - second);
    for (let index = 1; index <= passed; index += 1) {
      const stale = (second + index) % WINDOW_SECONDS;
      requests[stale] = 0;
      retries[stale] = 0;
    }
    second = Math.max(second, now);
    return second % WINDOW_SECONDS;
  };
  return {
    request: () => {
      const at = slot();
      requests[at] = (requests[at] ?? 0) + 1;
    },
    allows: () => {
      slot();
      return sum(retries) < Math.max(sum(requests) * RATIO, LEAST_PER_SECOND * WINDOW_SECONDS);
    },
    spend: () => {
      const at = slot();
      retries[at] = (retries[at] ?? 0) + 1;
    },
  };
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
