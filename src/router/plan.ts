import { create } from "@bufbuild/protobuf";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import {
  type PlannedCandidate,
  PlannedCandidateSchema,
  type PlanResponse,
  PlanResponseSchema,
} from "../gen/execution/v1/plan_pb.js";
import { sizeInput } from "../ledger/prices/input-size.ts";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import type { Principal } from "./call.ts";
import type { ConsideredCandidate, KeptCandidate } from "./candidates.ts";
import { plannedValues } from "./plan-values.ts";
import { priceOfCandidate } from "./pricing.ts";
import { considerRequest, type RoutingState } from "./resolve.ts";

/** What a plan needs beside the routing state. */
export interface PlanDeps {
  readonly prices: PriceBook;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/**
 * Says what would happen to a request: the considerations of `Chat`, every candidate's adapter asked, with what each may cost. Sends nothing and
 * spends nothing. A request that no candidate can serve has a plan too, in which none is kept; what is wrong with the request itself is thrown
 * as by `Chat`.
 */
export function planRequest(
  state: RoutingState,
  request: ChatRequest,
  principal: Principal,
  deps: PlanDeps,
): PlanResponse {
  const {
    persona,
    request: merged,
    candidates,
    values,
  } = considerRequest(state, request, principal, Number.POSITIVE_INFINITY);
  const first = candidates.find((entry) => entry.kept);
  return create(PlanResponseSchema, {
    persona,
    candidates: candidates.map((entry) => plannedCandidate(entry, merged, deps)),
    values: plannedValues(values, principal),
    warnings: first === undefined ? [] : warningsOf(first),
    priceVersion: deps.prices.version,
  });
}

function plannedCandidate(
  entry: ConsideredCandidate,
  request: ChatRequest,
  { prices, nowMs }: PlanDeps,
): PlannedCandidate {
  const { place: candidate, kept } = entry;
  if (!entry.kept) {
    const reasons = entry.rulings.map(({ reason, text }) => ({ reason, text }));
    return create(PlannedCandidateSchema, { candidate, kept, reasons });
  }
  const { model, toolTier } = entry.candidate;
  const price = priceOfCandidate(prices, entry.candidate, request, nowMs());
  const { expectedNanoUsd, worstNanoUsd } = prices.estimate(price, request, model);
  return create(PlannedCandidateSchema, {
    candidate,
    kept,
    reasons: [...warningsOf(entry).map(({ code, text }) => ({ reason: code, text })), ...lengthRemarks(entry, request)],
    toolTier,
    ...(expectedNanoUsd === undefined ? {} : { expectedCostNanoUsd: expectedNanoUsd }),
    ...(worstNanoUsd === undefined ? {} : { worstCostNanoUsd: worstNanoUsd }),
  });
}

/** What a call that this candidate serves begins with. */
function warningsOf({ candidate, leftOut }: KeptCandidate): Warning[] {
  return [...candidate.warnings, ...leftOut];
}

/** Only the provider's own count is certain, so a conversation that seems too long rules nobody out. */
function lengthRemarks({ candidate: { model } }: KeptCandidate, request: ChatRequest) {
  const { expected } = sizeInput(request);
  if (model.contextWindow === undefined || expected <= model.contextWindow) return [];
  const text = `the input has about ${expected} tokens, and the model's context window ${model.contextWindow}`;
  return [{ reason: "CONTEXT_TOO_LONG", text }];
}
