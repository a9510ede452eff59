import { expect, test } from "@jest/globals";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import { type PricedInstance, type RatedRow, rerateRow } from "../../src/ledger/rerate.ts";
import { acmeTable, usageOf } from "./prices/rig.ts";

// Mutants seen red: a cost taken away where there is no price now; the prices of today for an attempt of another day; a tier that is not known taken for the standard one.
const book = createPriceBook([
  acmeTable([
    { models: ["m"], to: "2026-03-01", rates: { input: "1", output: "1" } },
    { models: ["m"], from: "2026-03-01", rates: { input: "2", output: "2" } },
    { models: ["m"], from: "2026-03-01", serviceTier: "flex", rates: { input: "1", output: "1" } },
    { models: ["m"], from: "2026-03-01", region: "eu", rates: { input: "3", output: "3" } },
  ]),
]);

const acme: PricedInstance = { seller: "acme", spends: true };
const row = (changes: Partial<RatedRow> = {}, tier = "default"): RatedRow => ({
  provider: "near",
  model: "m",
  startedAtMs: Date.UTC(2026, 3, 1),
  endedAtMs: Date.UTC(2026, 3, 1),
  usage: usageOf({ inputTotal: 1_000, outputTotal: 0, serviceTier: tier }),
  costNanoUsd: 1n,
  ...changes,
});
const outcome = (given: RatedRow, instance: PricedInstance | undefined = acme) =>
  rerateRow(given, book, () => instance);

test("a row costs what the prices in force say for its day, tier and region", () => {
  const changed = (costNanoUsd: bigint) => ({ outcome: "changed", costNanoUsd, priceVersion: book.version });
  expect(outcome(row())).toEqual(changed(2_000_000n));
  expect(outcome(row({}, "flex"))).toEqual(changed(1_000_000n));
  expect(outcome(row(), { ...acme, region: "eu" })).toEqual(changed(3_000_000n));
  expect(outcome(row({ startedAtMs: Date.UTC(2026, 1, 28) }, ""))).toEqual(changed(1_000_000n));
  const { costNanoUsd: _, ...unpriced } = row();
  expect(outcome(unpriced)).toEqual(changed(2_000_000n));
  expect(outcome(row({ costNanoUsd: 2_000_000n }))).toEqual({ outcome: "same" });
});

test("a row keeps its cost where nothing better is known", () => {
  const kept = (why: string) => ({ outcome: "kept", why });
  expect(rerateRow(row(), book, () => undefined)).toEqual(kept("instance"));
  expect(outcome(row(), { ...acme, spends: false })).toEqual(kept("instance"));
  expect(outcome(row({ model: "n" }))).toEqual(kept("price"));
  expect(outcome(row({}, "priority"))).toEqual(kept("price"));
  expect(outcome(row({}, ""))).toEqual(kept("tier"));
});
