import type { BilledExtra, Usage } from "../gen/execution/v1/usage_pb.js";
import { UsageSource } from "../gen/execution/v1/usage_pb.js";

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
 * Adds usages bucket by bucket. A bucket no usage knows stays absent; the least certain source wins. The service tier is kept if it is the same
 * in all, the provider's own cost is the sum if all have one.
 */
export function sumUsage(usages: readonly Usage[]): Usage {
  const total = unknownUsage();
  const extras = new Map<string, BilledExtra>();
  for (const usage of usages) {
    for (const bucket of USAGE_BUCKETS) {
      const value = usage[bucket];
      if (value !== undefined) total[bucket] = (total[bucket] ?? 0) + value;
    }
    for (const extra of usage.extras) {
      const quantity = (extras.get(extra.name)?.quantity ?? 0) + extra.quantity;
      extras.set(extra.name, { ...extra, quantity });
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
    total.providerCostNanoUsd = costs.reduce((sum, cost) => sum + cost, 0n);
  }
  return total;
}
