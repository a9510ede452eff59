import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { warningEvent } from "../../src/contract/events.ts";
import { Capability, Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import { FallbackPolicy, ReasoningEffort, SamplingSchema, WarningSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import type { Principal } from "../../src/router/call.ts";
import { plannedValues } from "../../src/router/plan-values.ts";
import { Secret } from "../../src/secret.ts";
import { asking, failureOf, lines, plan, showing } from "../support/planning.ts";
import { anyone, drainStream, testContext, testPersona, testRouter, testState } from "../support/routing.ts";
import { answer, createScriptedAdapter } from "../support/scripted-adapter.ts";

const SEES = new Map([[Capability.IMAGE_INPUT, Support.NATIVE]]);
const BLIND = new Map([[Capability.IMAGE_INPUT, Support.NONE]]);

describe("the candidates of a plan", () => {
  const blind = createScriptedAdapter({ name: "blind", support: BLIND });
  const unsure = createScriptedAdapter({ name: "unsure" });
  const seer = createScriptedAdapter({ name: "seer", support: SEES });
  const persona = testPersona("default", [blind, unsure, seer]);
  const state = testState(
    [blind, unsure, seer],
    [persona, { ...persona, name: "strict", requires: [Capability.IMAGE_INPUT] }],
  );

  // Mutants seen red: the ruled-out ones left out; only the first thing that is missing named.
  test("are all of them, in order, with everything that is missing and what needs it", () => {
    const planned = plan(state, showing({ persona: "strict", requiredCapabilities: [Capability.LOGPROBS] }));
    expect(lines(planned)).toEqual([
      "(blind/model-1) CAPABILITY_MISSING CAPABILITY_MISSING",
      "(unsure/model-1) CAPABILITY_MISSING CAPABILITY_MISSING",
      "(seer/model-1) CAPABILITY_MISSING",
    ]);
    expect(planned.candidates[1]?.reasons.map(({ text }) => text)).toEqual([
      "IMAGE_INPUT is missing, needed by persona.requires",
      "LOGPROBS is missing, needed by required_capabilities",
    ]);
  });

  test("that are kept have the warnings the call would begin with as remarks", () => {
    const planned = plan(state, showing());
    expect(lines(planned)).toEqual([
      "(blind/model-1) CAPABILITY_MISSING",
      "unsure/model-1 CAPABILITY_UNKNOWN",
      "seer/model-1",
    ]);
    expect(planned.warnings).toMatchObject([{ code: "CAPABILITY_UNKNOWN", field: "messages[0].parts[0].image" }]);
  });

  test("tell how tools would be offered", () => {
    const able = createScriptedAdapter({ name: "able", support: new Map([[Capability.TOOLS, Support.NATIVE]]) });
    const over = testState([able]);
    expect(plan(over, asking({ tools: [{ name: "look" }] })).candidates[0]).toMatchObject({ kept: true, toolTier: 1 });
    expect(plan(over, asking()).candidates[0]?.toolTier).toBe(0);
  });

  // Mutant seen red: the whole plan fails for one candidate.
  test("that the configuration does not make whole are ruled out, and the others serve", () => {
    const { defaultModel: _, ...modelless } = createScriptedAdapter({ name: "modelless" });
    const over = testState(
      [modelless, seer],
      [
        testPersona("default", [], {
          candidates: [{ provider: "modelless" }, { provider: "gone" }, { provider: "seer" }],
        }),
      ],
    );
    expect(lines(plan(over, asking()))).toEqual([
      "(modelless/) MODEL_NOT_FOUND",
      "(gone/) PROVIDER_NOT_FOUND",
      "seer/model-1",
    ]);
  });

  // Mutant seen red: the policy not looked at.
  test("after the first that can serve are ruled out where the request allows no fallback", () => {
    const fallbackPolicy = FallbackPolicy.DENY;
    expect(lines(plan(state, showing({ fallbackPolicy })))).toEqual([
      "(blind/model-1) CAPABILITY_MISSING",
      "unsure/model-1 CAPABILITY_UNKNOWN",
      "(seer/model-1) FALLBACK_DENIED",
    ]);
  });

  test("are one where the request names it", () => {
    expect(lines(plan(state, asking({ provider: "seer", model: "big" })))).toEqual(["seer/big"]);
  });

  test("that seem too short for the conversation are kept with a remark: only the provider's own count is certain", () => {
    const small = { ...seer, model: (name: string) => ({ ...seer.model(name), contextWindow: 100 }) };
    const long = { kind: { case: "text" as const, value: { text: "word ".repeat(200) } } };
    const request = asking({ messages: [{ role: MessageRole.USER, parts: [long] }] });
    expect(lines(plan(testState([small]), request))).toEqual(["seer/model-1 CONTEXT_TOO_LONG"]);
    expect(lines(plan(testState([small]), asking()))).toEqual(["seer/model-1"]);
  });
});

describe("the values of a plan", () => {
  const near = createScriptedAdapter({ name: "near" });
  const system = "You guard the recipe.";
  const sampling = create(SamplingSchema, { seed: 9_007_199_254_740_993n });
  const state = testState([near], [testPersona("default", [near], { system, sampling })]);
  const values = (principal?: Principal): ReadonlyMap<string, readonly [string, string]> =>
    new Map(
      plan(state, asking({ sampling: { temperature: 0.5 } }), principal).values.map(({ path, valueJson, origin }) => [
        path,
        [valueJson, origin],
      ]),
    );

  test("are what the call runs with, each with its origin; integers keep their digits", () => {
    expect(values().get("sampling.temperature")).toEqual(["0.5", "request"]);
    expect(values().get("sampling.seed")?.[0]).toBe('"9007199254740993"');
    expect(values().get("persona")).toEqual(['"default"', "default"]);
    expect(values().get("candidates")?.[0]).toBe('["near/model-1"]');
  });

  // Mutants seen red: the prompt shown to everybody; to nobody; that of a persona, which tenants share, shown to a tenant's admin.
  test("show a configured system prompt to platform_admin, and to tenant_admin if its own tenant has it", () => {
    const shown = (over: typeof state, ...roles: readonly Role[]): string | undefined =>
      plan(over, asking(), { ...anyone, roles: [Role.CALLER, ...roles] }).values.find(({ path }) => path === "system")
        ?.valueJson;
    const hidden = '"[hidden]"';
    const own = testState([near]);
    const ofTenant = { ...own, config: { ...own.config, tenants: { t: { name: "t", system } } } };
    const ofAll = { ...own, config: { ...own.config, defaults: { ...own.config.defaults, system } } };
    for (const over of [state, ofTenant, ofAll]) {
      expect(shown(over)).toBe(hidden);
      expect(shown(over, Role.VIEWER, Role.OPERATOR)).toBe(hidden);
      expect(shown(over, Role.PLATFORM_ADMIN)).toBe(JSON.stringify(system));
      expect(shown(over, Role.TENANT_ADMIN)).toBe(over === ofTenant ? JSON.stringify(system) : hidden);
    }
  });

  // Mutant seen red: secrets written as any object is.
  test("show no secret, however deep it is", () => {
    const deep = new Map([["headers", { value: [{ authorization: new Secret("k") }], origin: "file:3" }]]);
    expect(plannedValues(deep, anyone)).toMatchObject([
      { path: "headers", valueJson: '[{"authorization":"[secret]"}]', origin: "file:3" },
    ]);
  });
});

describe("the costs of a plan", () => {
  const prices = createPriceBook([
    {
      vendors: ["scripted"],
      asOf: "2026-11-01",
      source: "this test",
      suffix: "",
      tierWords: { default: "" },
      rules: [{ models: ["model-1"], rates: { input: "1", output: "10" } }],
    },
  ]);
  const spending = { ...createScriptedAdapter({ name: "spending" }), spends: true };
  const bounded = { ...spending, model: (name: string) => ({ ...spending.model(name), maxOutputTokens: 1000 }) };
  const costs = (adapter: typeof spending, request = asking()) => {
    const [candidate] = plan(testState([adapter]), request, anyone, prices).candidates;
    return [candidate?.expectedCostNanoUsd, candidate?.worstCostNanoUsd];
  };

  test("are those of the price book, at the prices of its version", () => {
    const [expected = 0n, worst = 0n] = costs(bounded);
    expect(expected).toBeGreaterThan(0n);
    expect(worst).toBeGreaterThanOrEqual(1000n * 10_000n);
    expect(worst).toBeGreaterThan(expected);
    expect(plan(testState([bounded]), asking(), anyone, prices).priceVersion).toBe(prices.version);
  });

  test("are bounded by what the request allows", () => {
    const [, worst = 0n] = costs(bounded, asking({ sampling: { maxOutputTokens: 10 } }));
    expect(worst).toBeLessThan(1000n * 10_000n);
  });

  // Mutant seen red: 0 for what has no price.
  test("are absent without a price, the worst without a bound, and 0 where nothing can be spent", () => {
    expect(costs({ ...bounded, defaultModel: "unheard-of" })).toEqual([undefined, undefined]);
    expect(costs(spending)[1]).toBeUndefined();
    expect(costs({ ...bounded, spends: false })).toEqual([0n, 0n]);
  });
});

// Mutant seen red: the missing price not told; told after what is left out.
test("the warnings of a plan are those its call begins with, in the same order", async () => {
  const leftOut = create(WarningSchema, { code: "FIELD_IGNORED", field: "sampling.seed", text: "no seed" });
  const adapter = createScriptedAdapter({
    name: "near",
    preview: () => ({ warnings: [leftOut] }),
    play: async function* (input) {
      yield [warningEvent(leftOut)];
      yield* answer("hello")(input);
    },
  });
  const state = testState([{ ...adapter, spends: true }]);
  const { warnings, candidates } = plan(state, showing());
  expect(warnings.map(({ code }) => code)).toEqual(["CAPABILITY_UNKNOWN", "PRICE_UNKNOWN", "FIELD_IGNORED"]);
  expect(candidates[0]?.reasons).toMatchObject(warnings.map(({ code, text }) => ({ reason: code, text })));
  const { events } = await drainStream(() => testRouter(state).chat(showing(), testContext()));
  expect(events.flatMap(({ event }) => (event.case === "warning" ? [event.value] : []))).toEqual(warnings);
});

test("a plan sends nothing, and changes nothing of the request (mutant: the persona's defaults written into it)", () => {
  const near = createScriptedAdapter({ name: "near" });
  const request = asking({ reasoning: { effort: ReasoningEffort.HIGH } });
  const before = structuredClone(request);
  plan(testState([near], [testPersona("default", [near], { system: "Be brief." })]), request);
  expect(near.inputs).toEqual([]);
  expect(request).toEqual(before);
});

test.each([
  [asking({ persona: "nobody" }), "PERSONA_NOT_FOUND"],
  [asking({ provider: "nowhere" }), "PROVIDER_NOT_FOUND"],
])("what is wrong with the request whoever serves it is thrown (%#)", (request, reason) => {
  expect(failureOf(() => plan(testState([createScriptedAdapter({ name: "near" })]), request))?.reason).toBe(reason);
});
