import { create } from "@bufbuild/protobuf";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import {
  type PlannedCandidate,
  PlannedCandidateSchema,
  type PlanResponse,
  PlanResponseSchema,
} from "../gen/execution/v1/plan_pb.js";
import { sizeInput } from "../ledger/prices/input-size.ts";
import type { Price } from "../ledger/prices/types.ts";
import type { Principal } from "./call.ts";
import type { KeptCandidate, RuledOutCandidate } from "./candidates.ts";
import type { PricingDeps } from "./ceiling.ts";
import type { Health } from "./health/health.ts";
import { plannedValues } from "./plan-values.ts";
import { priceOfCandidate, priceUnknown } from "./pricing.ts";
import { type Consideration, considerRequest, type RoutingState } from "./resolve.ts";

/** What a plan needs beside the routing state. */
export interface PlanDeps extends PricingDeps {
  readonly health: Health;
}

/** Where a call draws, a plan shows the likeliest. */
const LIKELIEST = 0.5;

/**
 * Considers what would happen to a request as `Chat` does, with every candidate's adapter asked. Sends nothing and spends nothing. What is wrong with the
 * request itself is thrown as by `Chat`.
 */
export function considerPlan(
  state: RoutingState,
  request: ChatRequest,
  principal: Principal,
  deps: PlanDeps,
): Consideration {
  return considerRequest(state, request, principal, {
    ...deps,
    wanted: Number.POSITIVE_INFINITY,
    random: () => LIKELIEST,
  });
}

/** Tells what was considered, with what each candidate may cost. A request that none can serve has a plan too, in which none is kept. */
export function describePlan(
  { persona, merged, candidates, values }: Consideration,
  principal: Principal,
  deps: PlanDeps,
): PlanResponse {
  const priced = candidates.map((entry) => (entry.kept ? withPrice(entry, merged.request, deps) : entry));
  return create(PlanResponseSchema, {
    persona,
    candidates: priced.map((entry) => plannedCandidate(entry, merged.request, deps)),
    values: plannedValues(values(), principal),
    warnings: priced.find((entry) => entry.kept)?.warnings ?? [],
    priceVersion: deps.prices.version,
  });
}

/** A candidate that would be tried, at the prices of now. */
interface PricedCandidate extends KeptCandidate {
  /** Undefined if it has none. */
  readonly price: Price | undefined;
  /** What a call that it serves begins with, in that order. */
  readonly warnings: Warning[];
}

function withPrice(entry: KeptCandidate, request: ChatRequest, { prices, nowMs }: PricingDeps): PricedCandidate {
  const { candidate, leftOut } = entry;
  const price = priceOfCandidate(prices, candidate, request, nowMs());
  const unknown = price === undefined ? [priceUnknown(candidate)] : [];
  return { ...entry, price, warnings: [...candidate.warnings, ...unknown, ...leftOut] };
}

function plannedCandidate(
  entry: PricedCandidate | RuledOutCandidate,
  request: ChatRequest,
  { prices }: PricingDeps,
): PlannedCandidate {
  const { place: candidate, kept } = entry;
  if (!entry.kept) {
    const reasons = entry.rulings.map(({ reason, text }) => ({ reason, text }));
    return create(PlannedCandidateSchema, { candidate, kept, reasons });
  }
  const { model, toolTier } = entry.candidate;
  const { expectedNanoUsd, worstNanoUsd } = prices.estimate(entry.price, request, model);
  return create(PlannedCandidateSchema, {
    candidate,
    kept,
    reasons: [
      ...entry.warnings.map(({ code, text }) => ({ reason: code, text })),
      ...lengthRemarks(entry, request),
      ...(entry.placed === undefined ? [] : [{ reason: "STRATEGY", text: entry.placed }]),
    ],
    toolTier,
    ...(expectedNanoUsd === undefined ? {} : { expectedCostNanoUsd: expectedNanoUsd }),
    ...(worstNanoUsd === undefined ? {} : { worstCostNanoUsd: worstNanoUsd }),
  });
}

/** Only the provider's own count is certain, so a conversation that seems too long rules nobody out. */
function lengthRemarks({ candidate: { model } }: KeptCandidate, request: ChatRequest) {
  const { expected } = sizeInput(request);
  if (model.contextWindow === undefined || expected <= model.contextWindow) return [];
  const text = `the input has about ${expected} tokens, and the model's context window ${model.contextWindow}`;
  return [{ reason: "CONTEXT_TOO_LONG", text }];
}
