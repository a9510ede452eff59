import type { BilledExtra, Usage } from "../gen/execution/v1/usage_pb.js";
import { UsageSource } from "../gen/execution/v1/usage_pb.js";
import { withinInt64 } from "./money.ts";

/** The token buckets of a usage, by field name. */
export const USAGE_BUCKETS = [
  "inputTotal",
  "outputTotal",
  "inputUncached",
  "inputCacheRead",
  "inputCacheWrite5m",
  "inputCacheWrite1h",
  "outputText",
  "outputReasoning",
  "inputAudio",
  "outputAudio",
  "inputImage",
  "outputImage",
] as const satisfies readonly (keyof Usage)[];

/** The largest count that the contract's uint32 holds. */
export const MAX_COUNT = 0xffffffff;

/** A usage in which nothing is known. */
export function unknownUsage(): Usage {
  return {
    $typeName: "execution.v1.Usage",
    extras: [],
    source: UsageSource.UNSPECIFIED,
    providerUsageJson: "",
    serviceTier: "",
  };
}

/**
 * Adds usages bucket by bucket. A bucket no usage knows stays absent, and so does a sum that its type does not hold; a quantity of extras stops at
 * the largest there is. The least certain source wins. The service tier is kept if it is the same in all, the provider's own cost is the sum if
 * all have one.
 */
export function sumUsage(usages: readonly Usage[]): Usage {
  const total = unknownUsage();
  const extras = new Map<string, BilledExtra>();
  for (const bucket of USAGE_BUCKETS) {
    const sum = sumOfCounts(usages.map((usage) => usage[bucket]));
    if (sum !== undefined) total[bucket] = sum;
  }
  for (const usage of usages) {
    for (const extra of usage.extras) {
      const quantity = (extras.get(extra.name)?.quantity ?? 0) + extra.quantity;
      extras.set(extra.name, { ...extra, quantity: Math.min(quantity, MAX_COUNT) });
    }
    total.source = Math.max(total.source, usage.source);
  }
  total.extras = [...extras.values()];
  const [first] = usages;
  if (first !== undefined && usages.every(({ serviceTier }) => serviceTier === first.serviceTier)) {
    total.serviceTier = first.serviceTier;
  }
  const costs = usages.flatMap(({ providerCostNanoUsd: cost }) => (cost === undefined ? [] : [cost]));
  if (first !== undefined && costs.length === usages.length) {
    const cost = withinInt64(costs.reduce((sum, one) => sum + one, 0n));
    if (cost !== undefined) total.providerCostNanoUsd = cost;
  }
  return total;
}

/** The sum of the counts that are known; undefined if none is, or if it is more than `MAX_COUNT`. */
export function sumOfCounts(counts: readonly (number | undefined)[]): number | undefined {
  let sum: number | undefined;
  for (const count of counts) if (count !== undefined) sum = (sum ?? 0) + count;
  return sum !== undefined && sum > MAX_COUNT ? undefined : sum;
}
