import { unknownUsage } from "../../../src/contract/usage.ts";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import type { PriceQuery, PriceRule, PriceTable } from "../../../src/ledger/prices/types.ts";

/** A table of the vendor `acme`. */
export function acmeTable(rules: readonly PriceRule[], overrides: Partial<PriceTable> = {}): PriceTable {
  return {
    vendors: ["acme"],
    asOf: "2026-11-26",
    source: "made up",
    suffix: "-\\d{4}-\\d{2}-\\d{2}",
    tierWords: { default: "", auto: "" },
    rules,
    ...overrides,
  };
}

/** A question for the price of `acme`'s model `m` now. */
export function priceQuery(overrides: Partial<PriceQuery> = {}): PriceQuery {
  const atMs = Date.UTC(2026, 10, 26);
  return {
    vendor: "acme",
    instance: "near",
    model: "m",
    atMs,
    serviceTier: "",
    batch: false,
    region: "",
    ...overrides,
  };
}

/** A usage with only these figures. */
export function usageOf(fields: Partial<Usage>): Usage {
  return { ...unknownUsage(), ...fields };
}

/** Something billed beside tokens. */
export function billedExtra(name: string, quantity: number): Usage["extras"][number] {
  return { $typeName: "execution.v1.BilledExtra", name, quantity };
}
