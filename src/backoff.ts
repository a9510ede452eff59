/** Bounds of a random wait before another try, in milliseconds: up to the first before the second try, doubling, up to the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** How long to wait after so many failures, at least one: a random part of a bound that doubles, so that those who failed together do not come together. */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, random: () => number): number {
  return random() * Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
