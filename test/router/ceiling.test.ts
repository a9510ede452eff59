import { describe, expect, test } from "@jest/globals";
import type { ChatRequest } from "../../src/gen/execution/v1/chat_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import type { RoutingState } from "../../src/router/resolve.ts";
import { acmeTable } from "../ledger/prices/rig.ts";
import { asking, failureOf, lines, plan } from "../support/planning.ts";
import { anyone, drainStream, testContext, testRouter, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const prices = createPriceBook([
  acmeTable([
    { models: ["dear"], rates: { input: "10", output: "1000" } },
    { models: ["cheap"], rates: { input: "1", output: "2" } },
  ]),
]);

const paid = (name: string, defaultModel: string, seller = "acme") =>
  createScriptedAdapter({ name, defaultModel, seller, spends: true });

const dear = paid("far", "dear");
const cheap = paid("near", "cheap");
const unpriced = paid("odd", "new");
const free = createScriptedAdapter({ name: "own" });

const asked = (maxCostNanoUsd: bigint, init: Parameters<typeof asking>[0] = {}): ChatRequest =>
  asking({ sampling: { maxOutputTokens: 100 }, maxCostNanoUsd, ...init });

const worst = (state: RoutingState): bigint | undefined =>
  plan(state, asking({ sampling: { maxOutputTokens: 100 } }), anyone, prices).candidates[0]?.worstCostNanoUsd;

const planned = (state: RoutingState, request: ChatRequest) => lines(plan(state, request, anyone, prices));
const chat = (state: RoutingState, request: ChatRequest) => testRouter(state, { prices }).chat(request, testContext());
const refusal = (state: RoutingState, request: ChatRequest) => failureOf(() => chat(state, request));

// Mutants seen red: the ceiling not looked at; one that is reached taken for passed; what is not known let through, be it the price or a bound.
describe("the most a call may cost", () => {
  test("rules out whom it may cost more with, and the next serves, in Plan and in Chat", async () => {
    const state = testState([dear, cheap]);
    const request = asked(50_000_000n);
    expect(planned(state, request)).toEqual(["(far/dear) BUDGET_EXCEEDED", "near/cheap"]);
    const { events, error } = await drainStream(() => chat(state, request));
    expect(error).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ event: { value: { candidate: { provider: "near" } } } });
    expect(dear.inputs).toHaveLength(0);
  });

  test("may be just what it costs at the worst, and no less", () => {
    const state = testState([cheap]);
    const most = worst(state) ?? 0n;
    expect(most).toBeGreaterThan(0n);
    expect(refusal(state, asked(most))).toBeUndefined();
    const failure = refusal(state, asked(most - 1n));
    expect(failure).toMatchObject({
      reason: "BUDGET_EXCEEDED",
      code: Code.RESOURCE_EXHAUSTED,
      retryable: false,
      extras: {
        provider: "near",
        model: "cheap",
        quotas: [{ subject: "request:max_cost_nano_usd", description: expect.stringContaining("near/cheap") }],
      },
    });
    expect(failure?.message).toContain(`${most} nano-USD`);
    expect(planned(state, asked(most - 1n))).toEqual(["(near/cheap) BUDGET_EXCEEDED"]);
  });

  test("is not kept by whose cost has no bound", () => {
    const state = testState([cheap]);
    expect(refusal(state, asked(10n ** 15n, { sampling: {} }))).toMatchObject({ reason: "BUDGET_EXCEEDED" });
    const providerTools = [{ kind: "web_search" }];
    const able = { ...cheap, model: (name: string) => ({ ...cheap.model(name), maxOutputTokens: 100 }) };
    expect(planned(testState([able]), asked(10n ** 15n))).toEqual(["near/cheap"]);
    expect(refusal(testState([able]), asked(10n ** 15n, { providerTools }))).toMatchObject({
      reason: "BUDGET_EXCEEDED",
    });
  });

  test("is not kept by who has no price, which is a reason of its own", () => {
    const state = testState([unpriced]);
    expect(planned(state, asked(10n ** 15n))).toEqual(["(odd/new) MODEL_UNPRICED"]);
    expect(refusal(state, asked(10n ** 15n))).toMatchObject({
      reason: "MODEL_UNPRICED",
      code: Code.FAILED_PRECONDITION,
      retryable: false,
      extras: { preconditions: [{ type: "PRICE", subject: "odd/new" }] },
    });
  });

  test("says of each candidate what is wrong, and that a price is too high before all else", () => {
    const state = testState([unpriced, dear]);
    const failure = refusal(state, asked(1n));
    expect(failure?.reason).toBe("BUDGET_EXCEEDED");
    expect(failure?.extras.quotas).toHaveLength(1);
    expect(failure?.extras.preconditions).toHaveLength(1);
  });

  test("may be nothing where nothing is billed", () => {
    expect(refusal(testState([free]), asked(0n))).toBeUndefined();
    expect(planned(testState([cheap, free]), asked(0n))).toEqual(["(near/cheap) BUDGET_EXCEEDED", "own/model-1"]);
  });

  test("that the request does not say is not asked for", () => {
    expect(planned(testState([unpriced]), asking())).toEqual(["odd/new PRICE_UNKNOWN"]);
  });
});
