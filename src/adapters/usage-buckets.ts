import { USAGE_BUCKETS } from "../contract/usage.ts";
import type { Usage } from "../gen/execution/v1/usage_pb.js";
import { asCount } from "./json.ts";

/** Token buckets as an adapter reads them; one a provider does not tell is undefined. */
export type Buckets = Partial<Record<(typeof USAGE_BUCKETS)[number], number | undefined>>;

/** True if `next` knows more than `previous` and takes nothing back: then it is worth telling while the answer runs. */
export function hasGrown(previous: Usage | undefined, next: Usage): boolean {
  if (previous === undefined) return true;
  if (USAGE_BUCKETS.some((bucket) => (next[bucket] ?? 0) < (previous[bucket] ?? 0))) return false;
  return USAGE_BUCKETS.some((bucket) => next[bucket] !== previous[bucket]);
}

/**
 * Whether the usage that comes as the `count`-th of an answer, from 1, is worth telling while the answer runs: each of the first four, then every
 * sixteenth, since some providers count in each chunk. It depends on the answer alone and not on how its bytes were split.
 */
export function isWorthTelling(count: number): boolean {
  return count <= 4 || count % 16 === 0;
}

/** The total without its parts; undefined if it is not known or less than they are. */
export function rest(total: number | undefined, ...parts: readonly (number | undefined)[]): number | undefined {
  if (total === undefined) return undefined;
  const left = parts.reduce<number>((remaining, part) => remaining - (part ?? 0), total);
  return left < 0 ? undefined : left;
}

/** True if something is said where a count belongs, and it is none, such as -1: then a total with it in it is not known. */
export function isGarbled(...values: readonly unknown[]): boolean {
  return values.some((value) => value !== undefined && value !== null && asCount(value) === undefined);
}

/** The first value that is a count. */
export function firstCount(...values: readonly unknown[]): number | undefined {
  return values.map(asCount).find((value) => value !== undefined);
}

/** The buckets that are known; an absent one must not even be a key. */
export function known(buckets: Buckets): Partial<Usage> {
  const usage: Partial<Usage> = {};
  for (const bucket of USAGE_BUCKETS) {
    const count = buckets[bucket];
    if (count !== undefined) usage[bucket] = count;
  }
  return usage;
}
