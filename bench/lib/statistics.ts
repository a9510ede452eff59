/** The median of some numbers and an interval that holds the true median with at least 95 % (by order statistics, no distribution assumed). */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Estimates the median. Needs at least 6 numbers for an interval of 95 %. */
export function estimateMedian(values: readonly number[]): Estimate {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const at = (index: number): number => sorted[Math.max(0, Math.min(count - 1, index))] ?? Number.NaN;
  const middle = count % 2 === 1 ? at((count - 1) / 2) : (at(count / 2 - 1) + at(count / 2)) / 2;
  let outside = 0;
  while (outside + 1 < count / 2 && coverage(count, outside + 1) >= 0.95) outside += 1;
  return { median: middle, low: at(outside), high: at(count - 1 - outside), count };
}

/** The value that so large a part of some numbers does not exceed (nearest rank). NaN of none. */
export function quantileOf(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

/** Chance that the median lies between the values that have `outside` smaller and as many larger ones: the binomial with p = 1/2. */
function coverage(count: number, outside: number): number {
  let tail = 0;
  for (let k = 0; k <= outside; k += 1) tail += binomial(count, k);
  return 1 - (2 * tail) / 2 ** count;
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}
