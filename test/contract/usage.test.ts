import { describe, expect, test } from "@jest/globals";
import { sumUsage, unknownUsage } from "../../src/contract/usage.ts";
import type { Usage } from "../../src/gen/execution/v1/usage_pb.js";

const usage = (fields: Partial<Usage>): Usage => ({ ...unknownUsage(), ...fields });

describe("the sum of usages", () => {
  test("keeps the service tier they have in common, and no other", () => {
    const [one, other] = [usage({ serviceTier: "flex" }), usage({ serviceTier: "default" })];
    expect(sumUsage([one, one]).serviceTier).toBe("flex");
    expect(sumUsage([one, other]).serviceTier).toBe("");
    expect(sumUsage([]).serviceTier).toBe("");
  });

  // Mutant seen red: a usage without the provider's figure taken for one that cost nothing.
  test("has the provider's cost only if every usage has one", () => {
    const costs = [usage({ providerCostNanoUsd: 2n }), usage({ providerCostNanoUsd: 3n })];
    expect(sumUsage(costs).providerCostNanoUsd).toBe(5n);
    expect(sumUsage([...costs, usage({})])).not.toHaveProperty("providerCostNanoUsd");
    expect(sumUsage([])).not.toHaveProperty("providerCostNanoUsd");
  });
});
