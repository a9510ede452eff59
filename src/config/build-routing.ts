import type { RoutingSettings } from "./config.ts";
import type { PersonaRoutingEntry } from "./routing-schema.ts";

const NANO_USD = 1_000_000_000;

/** Turns what a persona says of its candidates into settings. */
export function buildRouting(entry: PersonaRoutingEntry): RoutingSettings {
  const { strategy, retries, breaker, hedge, continuation } = entry;
  return {
    strategy,
    ...(retries !== undefined && { retries }),
    ...(breaker !== undefined && {
      breaker: {
        ...(breaker.failures !== undefined && { failures: breaker.failures }),
        ...(breaker.cooldown !== undefined && { cooldownMs: breaker.cooldown }),
      },
    }),
    ...(hedge !== undefined && {
      hedge: {
        minDelayMs: hedge.min_delay,
        maxDelayMs: hedge.max_delay,
        maxCostNanoUsd: BigInt(Math.round(hedge.max_usd * NANO_USD)),
      },
    }),
    continuation,
    fallBackOnBlock: entry.fall_back_on_block,
  };
}
