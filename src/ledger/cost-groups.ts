import { CostDimension } from "../gen/execution/v1/costs_pb.js";
import { Billed } from "../gen/execution/v1/usage_pb.js";
import type { AttemptRow, CostAnswer, CostGroup, CostPosition, CostSums } from "./store.ts";

/** The dimensions that are times, and how much of `2026-11-26T13:05:00.000Z` names a period of each. */
const TIME_LENGTHS: ReadonlyMap<CostDimension, readonly [length: number, rest: string]> = new Map([
  [CostDimension.MINUTE, [16, ":00Z"]],
  [CostDimension.HOUR, [13, ":00:00Z"]],
  [CostDimension.DAY, [10, ""]],
  [CostDimension.MONTH, [7, ""]],
]);

/** True for minute, hour, day and month. */
export function isTime(dimension: CostDimension): boolean {
  return TIME_LENGTHS.has(dimension);
}

/** Name of the period of a time: `2026-11-26T13:05:00Z` and `2026-11-26T13:00:00Z` for minute and hour, `2026-11-26`, `2026-11`. All UTC. */
export function periodName(dimension: CostDimension, ms: number): string {
  const [length, rest] = TIME_LENGTHS.get(dimension) ?? [0, ""];
  return `${new Date(ms).toISOString().slice(0, length)}${rest}`;
}

/** Sums that are still being added to. */
export type RunningSums = { -readonly [Name in keyof CostSums]: bigint };

/** Sums of nothing. */
export function noSums(): RunningSums {
  return {
    calls: 0n,
    attempts: 0n,
    inputTokens: 0n,
    outputTokens: 0n,
    cacheReadTokens: 0n,
    reasoningTokens: 0n,
    costNanoUsd: 0n,
    unpricedAttempts: 0n,
  };
}

/** The answer to a question of more groups than there may be. */
export function tooLarge(): CostAnswer {
  return { groups: [], total: noSums(), hasMore: false, isTooLarge: true };
}

/** Most that a sum of the contract can hold, an int64. */
export const MAX_SUM = 2n ** 63n - 1n;

function plus(sum: bigint, more: bigint): bigint {
  const total = sum + more;
  return total < MAX_SUM ? total : MAX_SUM;
}

/** Adds sums to others. A sum stands still at what an int64 can hold: no figure of a provider's may make the others' unreadable. */
export function addSums(sums: RunningSums, more: CostSums): void {
  sums.calls = plus(sums.calls, more.calls);
  sums.attempts = plus(sums.attempts, more.attempts);
  sums.inputTokens = plus(sums.inputTokens, more.inputTokens);
  sums.outputTokens = plus(sums.outputTokens, more.outputTokens);
  sums.cacheReadTokens = plus(sums.cacheReadTokens, more.cacheReadTokens);
  sums.reasoningTokens = plus(sums.reasoningTokens, more.reasoningTokens);
  sums.costNanoUsd = plus(sums.costNanoUsd, more.costNanoUsd);
  sums.unpricedAttempts = plus(sums.unpricedAttempts, more.unpricedAttempts);
}

/** What one row adds. */
export function sumsOf({ attempt, usage, costNanoUsd, billed }: AttemptRow): CostSums {
  return {
    calls: attempt === 0 ? 1n : 0n,
    attempts: 1n,
    inputTokens: BigInt(usage?.inputTotal ?? 0),
    outputTokens: BigInt(usage?.outputTotal ?? 0),
    cacheReadTokens: BigInt(usage?.inputCacheRead ?? 0),
    reasoningTokens: BigInt(usage?.outputReasoning ?? 0),
    costNanoUsd: costNanoUsd ?? 0n,
    unpricedAttempts: costNanoUsd === undefined && billed !== Billed.NO ? 1n : 0n,
  };
}

/** The order of a listing: by the times among its dimensions, then the most expensive first, then by the other values. */
function compareGroups(groupBy: readonly CostDimension[]): (one: CostPosition, other: CostPosition) => number {
  const times = groupBy.flatMap((dimension, index) => (isTime(dimension) ? [index] : []));
  return (one, other) => {
    for (const index of times) {
      const order = compare(one.group[index] ?? "", other.group[index] ?? "");
      if (order !== 0) return order;
    }
    if (one.costNanoUsd !== other.costNanoUsd) return one.costNanoUsd > other.costNanoUsd ? -1 : 1;
    for (const [index, value] of one.group.entries()) {
      const order = compare(value, other.group[index] ?? "");
      if (order !== 0) return order;
    }
    return 0;
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The groups of a page: in order, after a position, at most `limit` of them. */
export function pageOf(
  groups: readonly CostGroup[],
  { groupBy, after, limit }: { groupBy: readonly CostDimension[]; after?: CostPosition; limit: number },
): { readonly groups: readonly CostGroup[]; readonly hasMore: boolean } {
  const order = compareGroups(groupBy);
  const left = after === undefined ? [...groups] : groups.filter((group) => order(group, after) > 0);
  left.sort(order);
  return { groups: left.slice(0, limit), hasMore: left.length > limit };
}
