import type { Config, PersonaSettings, RoutingSettings } from "../config/config.ts";
import type { ResolvedValue } from "./call.ts";
import { durationText } from "./layer-values.ts";

/** How calls go through the candidates of a persona that says nothing of it. */
export const IN_ORDER: RoutingSettings = { strategy: "ordered", continuation: false, fallBackOnBlock: false };

/**
 * How a call of the persona goes through its candidates, as `Plan` shows it: each value by its path in the file, with its origin. What has to be asked
 * for and is not is left out.
 */
export function routingValues(
  { origins }: Config,
  { name, routing = IN_ORDER }: PersonaSettings,
): readonly (readonly [string, ResolvedValue])[] {
  const { strategy, retries, breaker, hedge, continuation, fallBackOnBlock } = routing;
  const written: readonly (readonly [string, unknown])[] = [
    ["strategy", strategy],
    ["retries", retries],
    ["breaker.failures", breaker?.failures],
    ["breaker.cooldown", duration(breaker?.cooldownMs)],
    ["hedge.min_delay", duration(hedge?.minDelayMs)],
    ["hedge.max_delay", duration(hedge?.maxDelayMs)],
    ["hedge.max_usd", hedge === undefined ? undefined : Number(hedge.maxCostNanoUsd) / 1e9],
    ["continuation", continuation || undefined],
    ["fall_back_on_block", fallBackOnBlock || undefined],
  ];
  return written.flatMap(([path, value]) => {
    if (value === undefined) return [];
    const origin = origins.get(`personas.${name}.${path}`);
    return [[path, { value, origin: origin === undefined ? "default" : `persona (${origin})` }] as const];
  });
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : durationText(ms);
}
