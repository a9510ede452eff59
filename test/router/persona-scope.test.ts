import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { CapabilitiesRequestSchema } from "../../src/gen/execution/v1/capabilities_pb.js";
import type { Principal } from "../../src/router/call.ts";
import { describeCapabilities } from "../../src/router/capabilities.ts";
import type { RoutingState } from "../../src/router/resolve.ts";
import { asking, failureOf, plan } from "../support/planning.ts";
import { anyone, testPersona, testResolve, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const near = createScriptedAdapter({ name: "near" });
const bare = testState(
  [near],
  ["ours", "mine", "theirs"].map((name) => testPersona(name, [near])),
);
const personas = ["ours", "mine"];
const state: RoutingState = {
  ...bare,
  config: { ...bare.config, tenants: { acme: { name: "acme", personas } } },
};

/** A key of the tenant, with the personas it may use. */
const keyOf = (tenant: string, own: readonly string[]): Principal => ({ ...anyone, tenant, personas: own });

/** What Chat, Plan and Capabilities say to a key that names a persona: one reason and message, or nothing. */
function failures(persona: string, principal: Principal) {
  const said = [
    () => testResolve(state, asking({ persona }), principal),
    () => plan(state, asking({ persona }), principal),
    () => describeCapabilities(state, create(CapabilitiesRequestSchema, { persona }), principal, "0.0.0"),
  ].map(failureOf);
  expect(new Set(said.map((failure) => failure?.message)).size).toBe(1);
  return said[0] === undefined ? undefined : { reason: said[0].reason, message: said[0].message };
}

// Mutants seen red: any persona a key may not use is SCOPE_DENIED; Capabilities that hides all of them.
describe("a persona that a key names", () => {
  test("and may use is found", () => {
    expect(failures("mine", keyOf("acme", ["mine"]))).toBeUndefined();
    expect(failures("theirs", anyone)).toBeUndefined();
  });

  test("and may not use is SCOPE_DENIED where it is its tenant's", () => {
    expect(failures("ours", keyOf("acme", ["mine"]))?.reason).toBe("SCOPE_DENIED");
    expect(failures("theirs", keyOf("t", ["mine"]))?.reason).toBe("SCOPE_DENIED");
  });

  test("is not there if it is not its tenant's, in the words for one that nobody has", () => {
    const key = keyOf("acme", ["mine"]);
    const unknown = failures("nobody", key);
    expect(unknown?.reason).toBe("PERSONA_NOT_FOUND");
    expect(failures("theirs", key)).toEqual({
      reason: "PERSONA_NOT_FOUND",
      message: unknown?.message.replace("nobody", "theirs"),
    });
    expect(failures("theirs", keyOf("acme", personas))?.reason).toBe("PERSONA_NOT_FOUND");
  });
});
