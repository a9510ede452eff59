import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ExecutionError } from "../../src/errors.ts";
import { type ChatRequest, ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole, type PartSchema } from "../../src/gen/execution/v1/content_pb.js";
import type { PlanResponse } from "../../src/gen/execution/v1/plan_pb.js";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import type { Principal } from "../../src/router/call.ts";
import { createHealth } from "../../src/router/health/health.ts";
import { considerPlan, describePlan } from "../../src/router/plan.ts";
import type { RoutingState } from "../../src/router/resolve.ts";
import { anyone } from "./routing.ts";

type RequestInit = Exclude<MessageInitShape<typeof ChatRequestSchema>, ChatRequest>;

const saying = (part: MessageInitShape<typeof PartSchema>, init: RequestInit): ChatRequest =>
  create(ChatRequestSchema, { messages: [{ role: MessageRole.USER, parts: [part] }], ...init });

/** A request with a short text, and whatever else a test wants in it. */
export function asking(init: RequestInit = {}): ChatRequest {
  return saying({ kind: { case: "text", value: { text: "hi" } } }, init);
}

/** A request with a picture. */
export function showing(init: RequestInit = {}): ChatRequest {
  return saying({ kind: { case: "image", value: { source: { case: "url", value: "http://x/y.png" } } } }, init);
}

/** Plans a request over a state without limits. Without prices only what cannot spend has one. */
export function plan(
  state: RoutingState,
  request: ChatRequest,
  principal: Principal = anyone,
  prices = createPriceBook([]),
): PlanResponse {
  const deps = { prices, health: createHealth(() => 0), nowMs: () => Date.UTC(2026, 10, 26, 12) };
  return describePlan(considerPlan(state, request, principal, deps), principal, deps);
}

/** The candidates of a plan, one a line: `near/model-1`, or `(near/model-1)` if it is ruled out, with the reasons after it. */
export function lines({ candidates }: PlanResponse): string[] {
  return candidates.map(({ candidate, kept, reasons }) => {
    const place = `${candidate?.provider}/${candidate?.model}`;
    return [kept ? place : `(${place})`, ...reasons.map(({ reason }) => reason)].join(" ");
  });
}

/** What a call is refused with; undefined if it is not. Anything that is thrown and is no ExecutionError is thrown on. */
export function failureOf(call: () => unknown): ExecutionError | undefined {
  try {
    call();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown;
    throw thrown;
  }
}
