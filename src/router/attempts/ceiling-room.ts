import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { AttemptOutcome, type AttemptSummary } from "../../gen/execution/v1/usage_pb.js";
import type { Call } from "../call.ts";
import { priceOfCandidate } from "../pricing.ts";
import type { AttemptDeps } from "./deps.ts";
import type { Target } from "./target.ts";

/**
 * Says whether the request's `max_cost_nano_usd` leaves room for one more attempt at a target, should it and all that run cost the most they can. What
 * an attempt cost that is over is known if its provider said so; if not, it counts with the most. `requestOf` gives what the next attempt would send, with
 * what was said already where it would go on with it.
 */
export function createCeilingRoom(
  { prices, nowMs }: AttemptDeps,
  call: Call,
  targets: readonly Target[],
  requestOf: () => ChatRequest,
) {
  const ceiling = call.resolved.request.maxCostNanoUsd;
  const worstOf = ({ candidate }: Target): bigint | undefined => {
    const request = requestOf();
    const price = priceOfCandidate(prices, candidate, request, nowMs());
    return prices.estimate(price, request, candidate.model).worstNanoUsd;
  };
  const costOf = ({ outcome, costNanoUsd, candidate }: AttemptSummary): bigint | undefined => {
    if (outcome !== AttemptOutcome.UNSPECIFIED && costNanoUsd !== undefined) return costNanoUsd;
    const target = targets.find(
      ({ provider, candidate: { model } }) => provider === candidate?.provider && model.model === candidate.model,
    );
    return target === undefined ? undefined : worstOf(target);
  };
  return (target: Target): boolean => {
    if (ceiling === undefined) return true;
    const costs = [worstOf(target), ...call.record.attempts.map(costOf)];
    let sum = 0n;
    for (const cost of costs) {
      if (cost === undefined) return false;
      sum += cost;
    }
    return sum <= ceiling;
  };
}
