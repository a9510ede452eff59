import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { CapabilitiesRequestSchema } from "../../src/gen/execution/v1/capabilities_pb.js";
import type { Principal } from "../../src/router/call.ts";
import { describeCapabilities } from "../../src/router/capabilities.ts";
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
