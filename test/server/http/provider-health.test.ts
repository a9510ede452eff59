import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { CapabilitiesResponseSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import type { TargetState } from "../../../src/router/health/health.ts";
import { providerHealth } from "../../../src/server/http/provider-health.ts";

const known = create(CapabilitiesResponseSchema, {
  providers: [{ provider: "near", kind: "openai", spends: true, models: [{ model: "b" }, { model: "a" }] }],
});

const stateOf = (...states: readonly [string, TargetState["state"], number][]) =>
  providerHealth(
    known,
    states.map(([model, state, waitMs]) => ({ provider: "near", model, state, waitMs })),
  ).providers[0];

test("a provider is up if all of its models that were tried are, down if none is, else degraded", () => {
  expect(stateOf()?.state).toBe("unknown");
  expect(stateOf(["a", "closed", 0])?.state).toBe("up");
  expect(stateOf(["a", "closed", 0], ["b", "open", 5])?.state).toBe("degraded");
  expect(stateOf(["a", "paused", 5], ["b", "half_open", 0])?.state).toBe("down");
});

test("each model says its state and when it may be tried again; models that are not shown elsewhere are left out", () => {
  expect(stateOf(["b", "open", 1500.2], ["a", "half_open", 0], ["secret-of-another", "open", 5])?.models).toEqual([
    { model: "a", state: "half_open" },
    { model: "b", state: "open", retry_after_ms: 1501 },
  ]);
});
