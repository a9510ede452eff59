import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { sumUsage, unknownUsage } from "../../src/contract/usage.ts";
import { type Usage, UsageSchema } from "../../src/gen/execution/v1/usage_pb.js";

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

  // Mutants seen red: sums beyond uint32 and int64, which no wire can carry.
  test("knows no sum that its type does not hold", () => {
    const extras = [{ $typeName: "execution.v1.BilledExtra" as const, name: "searches", quantity: 4_294_967_295 }];
    const most = usage({ inputTotal: 4_294_967_295, outputTotal: 1, providerCostNanoUsd: 2n ** 63n - 1n, extras });
    const total = sumUsage([most, most, most]);
    expect(total).not.toHaveProperty("inputTotal");
    expect(total).not.toHaveProperty("providerCostNanoUsd");
    expect(total).toMatchObject({ outputTotal: 3, extras });
    expect(() => toBinary(UsageSchema, total)).not.toThrow();
  });
});
