import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { openaiKind } from "../../src/adapters/openai/index.ts";
import { CapabilitiesRequestSchema, Capability, Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import type { Principal } from "../../src/router/call.ts";
import { describeCapabilities } from "../../src/router/capabilities.ts";
import { failureOf } from "../support/planning.ts";
import { anyone, testPersona, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const near = createScriptedAdapter({ name: "near" });
const far = createScriptedAdapter({ name: "far" });
const pinned = testPersona("pinned", [], { candidates: [{ provider: "far", model: "big" }] });
const state = testState([near, far], [testPersona("default", [near, far]), pinned]);

/** The places a key is shown, by persona. */
const shown = (principal: Principal): Record<string, readonly string[]> => {
  const { personas } = describeCapabilities(state, create(CapabilitiesRequestSchema), principal, "0.0.0");
  return Object.fromEntries(
    personas.map(({ persona, candidates }) => [
      persona,
      candidates.map(({ provider, model }) => `${provider}/${model?.model}`),
    ]),
  );
};

test("a key is shown the candidates it may use and no others (mutant: all candidates of a persona)", () => {
  expect(shown(anyone)).toEqual({ default: ["near/model-1", "far/model-1"], pinned: ["far/big"] });
  expect(shown({ ...anyone, providers: ["near"] })).toEqual({ default: ["near/model-1"], pinned: [] });
  expect(shown({ ...anyone, models: ["big"] })).toEqual({ default: [], pinned: ["far/big"] });
  expect(shown({ ...anyone, personas: ["default"] })).toEqual({ default: ["near/model-1", "far/model-1"] });
});

const able = createScriptedAdapter({ name: "able", support: new Map([[Capability.TOOLS, Support.NATIVE]]) });
const { defaultModel: _, ...modelless } = createScriptedAdapter({ name: "modelless" });
const demanding = testState(
  [near, able, modelless],
  [
    testPersona("coder", [near, able, modelless], { requires: [Capability.TOOLS, Capability.IMAGE_INPUT] }),
    testPersona("default", [able]),
  ],
);
const ask = (init: MessageInitShape<typeof CapabilitiesRequestSchema>, principal = anyone) =>
  describeCapabilities(demanding, create(CapabilitiesRequestSchema, init), principal, "0.0.0");

// Mutants seen red: what is not known counts as there; a candidate without a model is left out.
test("a persona says what it requires and who of its candidates lacks what, so that one nobody can serve is seen", () => {
  const { personas } = ask({ persona: "coder" });
  expect(personas).toMatchObject([
    {
      persona: "coder",
      requires: [Capability.TOOLS, Capability.IMAGE_INPUT],
      candidates: [
        { provider: "near", model: { model: "model-1" }, missing: [Capability.TOOLS, Capability.IMAGE_INPUT] },
        { provider: "able", model: { model: "model-1" }, missing: [Capability.IMAGE_INPUT] },
        { provider: "modelless", missing: [Capability.TOOLS, Capability.IMAGE_INPUT] },
      ],
    },
  ]);
  expect(personas[0]?.candidates[2]?.model).toBeUndefined();
});

test("a model nobody has heard of is answered for where its instance is named, with nothing claimed of it", () => {
  const openai = openaiKind.create(
    {
      name: "openai",
      kind: "openai",
      headers: {},
      transport: "native",
      timeouts: { connectMs: 1, headersMs: 1, idleMs: 1 },
      models: {},
      quirks: {},
    },
    { now: () => 0, newId: () => "" },
  );
  const modelsOf = (init: MessageInitShape<typeof CapabilitiesRequestSchema>, models?: readonly string[]) =>
    describeCapabilities(
      testState([openai], []),
      create(CapabilitiesRequestSchema, init),
      { ...anyone, ...(models !== undefined && { models }) },
      "0.0.0",
    ).providers.flatMap((provider) => provider.models);
  expect(modelsOf({ provider: "openai", model: "gpt-99" })).toMatchObject([
    { model: "gpt-99", capabilities: [], asOf: "" },
  ]);
  expect(modelsOf({ model: "gpt-99" })).toEqual([]);
  expect(modelsOf({ provider: "openai", model: "gpt-99" }, ["gpt-5"])).toEqual([]);
  expect(modelsOf({ provider: "openai", model: "gpt-5" }, ["gpt-5"])).toMatchObject([{ model: "gpt-5" }]);
});

test.each([
  [{ persona: "nobody" }, "PERSONA_NOT_FOUND"],
  [{ provider: "nowhere" }, "PROVIDER_NOT_FOUND"],
])("what is not there is not found (%p)", (init, reason) => {
  expect(failureOf(() => ask(init))?.reason).toBe(reason);
});
