import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import type { Candidate } from "../gen/execution/v1/usage_pb.js";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import type { ResolvedCandidate } from "./call.ts";
import { priceOfCandidate } from "./pricing.ts";
import { nameOf, type Ruling, ruling } from "./rulings.ts";

/** What costs are estimated by. */
export interface PricingDeps {
  readonly prices: PriceBook;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** How a violated quota names the request's own ceiling; those of budgets name the scope and the window. */
const SUBJECT = "request:max_cost_nano_usd";

/**
 * The ruling on a candidate with which the call may cost more than the request's `max_cost_nano_usd`: MODEL_UNPRICED if it has no price,
 * BUDGET_EXCEEDED if the worst cost is higher or has no bound. Undefined if it keeps the ceiling, or there is none.
 */
export function ceilingRuling(
  place: Candidate,
  candidate: Pick<ResolvedCandidate, "adapter" | "model">,
  request: ChatRequest,
  { prices, nowMs }: PricingDeps,
): Ruling | undefined {
  const { maxCostNanoUsd } = request;
  if (maxCostNanoUsd === undefined) return undefined;
  const price = priceOfCandidate(prices, candidate, request, nowMs());
  if (price === undefined) {
    const text = "no price is known, so that max_cost_nano_usd cannot be kept";
    const precondition = { type: "PRICE", subject: nameOf(place), description: text };
    return { ...ruling("MODEL_UNPRICED", text), preconditions: [precondition] };
  }
  const { worstNanoUsd } = prices.estimate(price, request, candidate.model);
  if (worstNanoUsd === undefined) {
    const mend = "set sampling.max_output_tokens, and leave out files and tools that the provider runs";
    return exceeded(place, `the cost has no upper bound, so that max_cost_nano_usd cannot be kept; ${mend}`);
  }
  if (worstNanoUsd <= maxCostNanoUsd) return undefined;
  return exceeded(
    place,
    `the call may cost ${worstNanoUsd} nano-USD, and max_cost_nano_usd is ${maxCostNanoUsd}; raise it, or lower sampling.max_output_tokens`,
  );
}

function exceeded(place: Candidate, text: string): Ruling {
  return {
    ...ruling("BUDGET_EXCEEDED", text),
    quotas: [{ subject: SUBJECT, description: `${nameOf(place)}: ${text}` }],
  };
}
