import type { HedgeSettings } from "../../config/config.ts";
import type { Call } from "../call.ts";
import { priceOfCandidate } from "../pricing.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptDeps } from "./deps.ts";
import type { Target } from "./target.ts";

/** Share of answers that begin within the time after which a second candidate is started. */
const SHARE = 0.95;

/** How long the attempt's place gets before a second one is started, in milliseconds; undefined while too little is known of it. */
export function hedgeDelayMs({ health }: AttemptDeps, attempt: Attempt, settings: HedgeSettings): number | undefined {
  const { provider = "", model = "" } = attempt.summary().candidate ?? {};
  const usualMs = health.target(provider, model).latency.percentileMs(SHARE);
  return usualMs === undefined ? undefined : Math.min(settings.maxDelayMs, Math.max(settings.minDelayMs, usualMs));
}

/** Whether a candidate may run beside another one: it is healthy, the budget of its instance lasts, and it is not too dear. */
export function mayHedge(
  { prices, nowMs }: AttemptDeps,
  { resolved: { request } }: Call,
  target: Target,
  { maxCostNanoUsd }: HedgeSettings,
): boolean {
  const { state, isInBudget } = target.describe();
  if (state !== "closed" || !isInBudget) return false;
  const price = priceOfCandidate(prices, target.candidate, request, nowMs());
  const { expectedNanoUsd } = prices.estimate(price, request, target.candidate.model);
  return expectedNanoUsd !== undefined && expectedNanoUsd <= maxCostNanoUsd;
}
