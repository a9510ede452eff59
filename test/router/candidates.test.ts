import { toJsonString } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../src/errors.ts";
import { Capability, Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import { FallbackPolicy } from "../../src/gen/execution/v1/chat_pb.js";
import { PlanResponseSchema } from "../../src/gen/execution/v1/plan_pb.js";
import { asking, failureOf, lines, plan, showing } from "../support/planning.ts";
import { anyone, drainStream, testContext, testPersona, testRouter, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const refusing = (error: ExecutionError) => () => {
  throw error;
};

describe("what only an adapter's builder knows", () => {
  const leftOut = {
    $typeName: "execution.v1.Warning" as const,
    code: "FIELD_IGNORED",
    field: "sampling.seed",
    text: "no seed",
  };
  const fields = [{ field: "messages[0]", description: "a file of another vendor" }];
  const preconditions = [{ type: "CAPABILITY", subject: "upstreams", description: "there are none" }];
  const picky = createScriptedAdapter({
    name: "picky",
    preview: refusing(new ExecutionError("INVALID_FIELD", "messages[0] a file of another vendor", { fields })),
  });
  const poor = createScriptedAdapter({
    name: "poor",
    preview: refusing(new ExecutionError("CAPABILITY_MISSING", "upstream_routing: there are none", { preconditions })),
  });
  const easy = createScriptedAdapter({ name: "easy", preview: () => ({ warnings: [leftOut] }) });

  // Mutant seen red: adapters not asked.
  test("rules candidates out and warns", () => {
    const planned = plan(testState([picky, poor, easy]), asking());
    expect(lines(planned)).toEqual([
      "(picky/model-1) INVALID_FIELD",
      "(poor/model-1) CAPABILITY_MISSING",
      "easy/model-1 FIELD_IGNORED",
    ]);
    expect(planned.warnings).toEqual([leftOut]);
  });

  // Mutant seen red: Chat begins with the first candidate that is not known to lack anything.
  test("makes a Chat pass by a candidate before anything is sent", async () => {
    const served = createScriptedAdapter({ name: "served" });
    const { events, error } = await drainStream(() =>
      testRouter(testState([picky, poor, served])).chat(asking(), testContext()),
    );
    expect(error).toBeUndefined();
    expect(events.map(({ event }) => event.case)).not.toContain("attemptFailed");
    expect([picky, poor, served].map(({ inputs }) => inputs.length)).toEqual([0, 0, 1]);
  });

  test("makes a Chat a plain refusal that names what is missing where", () => {
    const router = testRouter(testState([picky, poor]));
    expect(failureOf(() => router.chat(asking(), testContext()))).toMatchObject({
      reason: "CAPABILITY_MISSING",
      message: expect.stringContaining(
        "picky/model-1: messages[0] a file of another vendor; poor/model-1: upstream_routing",
      ),
      extras: {
        fields,
        preconditions: [{ type: "CAPABILITY", subject: "poor/model-1", description: "upstreams: there are none" }],
      },
    });
  });

  test("is asked by Chat of no more candidates than it takes to find one", () => {
    let asked = 0;
    const preview = () => {
      asked += 1;
      return { warnings: [] };
    };
    const counting = createScriptedAdapter({ name: "counting", preview });
    const state = testState([easy, counting]);
    testRouter(state).chat(asking(), testContext());
    expect(asked).toBe(0);
    plan(state, asking());
    expect(asked).toBe(1);
  });

  test("that is no refusal is a bug, not a ruling", () => {
    const preview = () => {
      throw new TypeError("a slip");
    };
    const broken = createScriptedAdapter({ name: "broken", preview });
    expect(() => plan(testState([broken]), asking())).toThrow(TypeError);
  });
});

describe("what a key may not know", () => {
  const aliased = createScriptedAdapter({ name: "vault" });
  const hidden = { ...aliased, model: (name: string) => ({ ...aliased.model(name), model: `inner-${name}` }) };
  const open = createScriptedAdapter({ name: "open" });
  const pinned = [{ provider: "vault", model: "secret" }, { provider: "open", model: "costly" }, { provider: "open" }];
  const state = testState([hidden, open], [testPersona("default", [], { candidates: pinned })]);

  // Mutants seen red: the place named; the list of candidates among the values as it is configured; a model that is not named as an empty one.
  test("is in no plan: its instances and models are not named, but that something is ruled out is told", () => {
    const scope = { ...anyone, providers: ["open"], models: ["model-1"] };
    const planned = plan(state, asking(), scope);
    expect(lines(planned)).toEqual(["(/) SCOPE_DENIED", "(open/) SCOPE_DENIED", "open/model-1"]);
    expect(toJsonString(PlanResponseSchema, planned)).not.toMatch(/vault|secret|inner|costly/);
    expect(planned.values.find(({ path }) => path === "candidates")?.valueJson).toBe('["open","open/model-1"]');
  });

  test("is told in the caller's own words alone where the request names it", () => {
    const scope = { ...anyone, models: ["model-1"] };
    expect(lines(plan(state, asking({ model: "alias" }), scope))).toEqual(["(vault/alias) SCOPE_DENIED"]);
    expect(lines(plan(state, asking({ model: "alias" }), { ...scope, providers: ["open"] }))).toEqual([
      "(/alias) SCOPE_DENIED",
    ]);
  });

  test("looks like what is not there where the request names an instance", () => {
    const scope = { ...anyone, providers: ["open"] };
    const errors = ["vault", "nowhere"].map((provider) => {
      const error = failureOf(() => plan(state, asking({ provider }), scope));
      return [error?.reason, error?.message.replace(provider, "X")];
    });
    expect(errors[0]).toEqual(errors[1]);
    expect(errors[0]).toEqual(["PROVIDER_NOT_FOUND", expect.stringContaining('"X"')]);
  });
});

/** Often enough what lets a candidate serve, that several of one persona can. */
function mostly<Usual, Other>(usual: Usual, other: fc.Arbitrary<Other>): fc.Arbitrary<Usual | Other> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
}

/** One candidate of a random configuration, and whether it could serve. */
const candidates = fc.array(
  fc.record({
    sees: fc.constantFrom(Support.NATIVE, Support.NONE, Support.UNSPECIFIED),
    builds: mostly(undefined, fc.constantFrom("INVALID_FIELD", "CAPABILITY_MISSING")),
    hasModel: mostly(true, fc.constant(false)),
    isKeys: mostly(true, fc.constant(false)),
  }),
  { minLength: 1, maxLength: 4 },
);
type RandomCandidate = typeof candidates extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

function adapterOf({ sees, builds, hasModel }: RandomCandidate, index: number) {
  const { defaultModel, ...adapter } = createScriptedAdapter({
    name: `instance${index}`,
    support: new Map(sees === Support.UNSPECIFIED ? [] : [[Capability.IMAGE_INPUT, sees]]),
    ...(builds !== undefined && { preview: refusing(new ExecutionError(builds, "it cannot be built")) }),
  });
  return hasModel ? { ...adapter, defaultModel: defaultModel ?? "" } : adapter;
}

// Mutants seen red: Chat does not ask adapters; the fallback policy is not looked at; a key's scope is not either; Plan
// names what is another key's.
test("Plan keeps what Chat would run: the first that it keeps serves, and if it keeps none Chat is refused for one of its reasons", async () => {
  const policies = fc.constantFrom(FallbackPolicy.UNSPECIFIED, FallbackPolicy.DENY);
  const property = fc.asyncProperty(
    candidates,
    policies,
    fc.boolean(),
    fc.boolean(),
    async (drawn, policy, shows, needs) => {
      const adapters = drawn.map(adapterOf);
      const state = testState(adapters);
      const requiredCapabilities = needs ? [Capability.IMAGE_INPUT] : [];
      const request = (shows ? showing : asking)({ fallbackPolicy: policy, requiredCapabilities });
      const providers = adapters.map(({ settings }) => settings.name).filter((_, index) => drawn[index]?.isKeys);
      const principal = { ...anyone, providers };
      const planned = plan(state, request, principal);
      expect(adapters.flatMap(({ inputs }) => inputs)).toEqual([]);
      const named = new Set(toJsonString(PlanResponseSchema, planned).match(/instance\d/g));
      expect([...named].filter((name) => !providers.includes(name))).toEqual([]);
      const kept = planned.candidates.filter((candidate) => candidate.kept);
      const { error } = await drainStream(() => testRouter(state).chat(request, testContext({ principal })));
      const served = adapters.filter(({ inputs }) => inputs.length > 0).map(({ settings }) => settings.name);
      expect(served).toEqual(kept.slice(0, 1).map(({ candidate }) => candidate?.provider));
      const reasons = planned.candidates.flatMap((candidate) => candidate.reasons.map(({ reason }) => reason));
      if (kept.length === 0) expect(reasons).toContain(error?.reason);
      else expect(error).toBeUndefined();
      if (policy === FallbackPolicy.DENY) expect(kept.length).toBeLessThanOrEqual(1);
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
