import { describe, expect, test } from "@jest/globals";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { priceTables } from "../../../src/ledger/prices/tables/index.ts";
import type { PriceQuery, PriceRule } from "../../../src/ledger/prices/types.ts";
import { acmeTable, priceQuery, usageOf } from "./rig.ts";

/*
 * Mutants seen red: `to` taken as inclusive, a snapshot that is listed looked up by its base id, conditions of batch or region not compared,
 * an unknown model at a price of 0, a version of the vendors' names alone.
 */

const million = usageOf({ inputTotal: 1_000_000, outputTotal: 0 });

/** What a million tokens of input cost in dollars; undefined if they have no price. */
function dollars(rules: readonly PriceRule[], query: Partial<PriceQuery>): number | undefined {
  const book = createPriceBook([acmeTable(rules)]);
  const cost = book.costOf(book.priceOf(priceQuery(query)), million);
  return cost === undefined ? undefined : Number(cost / 1_000_000_000n);
}

const rule = (models: readonly string[], input: string, conditions: Partial<PriceRule> = {}): PriceRule => ({
  models,
  rates: { input, output: "0" },
  ...conditions,
});

// Mutant seen red: a word nobody knows taken for the standard tier.
test("what Anthropic served faster, or in a region that was chosen, has no price of the standard tier", () => {
  const book = createPriceBook(priceTables);
  const price = book.priceOf(priceQuery({ vendor: "anthropic", model: "claude-opus-4-6" }));
  const costIn = (serviceTier: string) => book.costOf(price, usageOf({ inputTotal: 1, outputTotal: 1, serviceTier }));
  expect(costIn("standard")).toBe(30_000n);
  for (const tier of ["standard+fast", "standard+us", "priority"]) expect(costIn(tier)).toBeUndefined();
});

describe("the price of a model", () => {
  test("is that of its id, else that of its id without what a snapshot adds", () => {
    const rules = [rule(["m"], "1"), rule(["m-2026-01-01"], "2")];
    expect(dollars(rules, { model: "m" })).toBe(1);
    expect(dollars(rules, { model: "m-2026-05-05" })).toBe(1);
    expect(dollars(rules, { model: "m-2026-01-01" })).toBe(2);
  });

  test("is not known for another model, vendor or a name that objects have", () => {
    const rules = [rule(["m"], "1")];
    for (const model of ["n", "m-2", "2026-01-01-m", "constructor", "__proto__", ""]) {
      expect(dollars(rules, { model })).toBeUndefined();
    }
    expect(dollars(rules, { vendor: "other" })).toBeUndefined();
    const book = createPriceBook([
      acmeTable([rule(["m"], "1", { to: "2026-01-01" }), rule(["n"], "1", { batch: true })]),
    ]);
    for (const model of ["m", "n", "o"]) expect(book.priceOf(priceQuery({ model }))).toBeUndefined();
    expect(dollars(rules, { vendor: "toString" })).toBeUndefined();
  });

  test("is the one of its day, from its first until the day before its last", () => {
    const rules = [
      rule(["m"], "1", { to: "2026-03-13" }),
      rule(["m"], "2", { from: "2026-03-13", to: "2026-06-01" }),
      rule(["m"], "3", { from: "2026-07-01" }),
    ];
    const at = (time: string) => dollars(rules, { atMs: Date.parse(time) });
    expect(at("2020-01-01T00:00:00Z")).toBe(1);
    expect(at("2026-03-12T23:59:59.999Z")).toBe(1);
    expect(at("2026-03-13T00:00:00Z")).toBe(2);
    expect(at("2026-06-15T00:00:00Z")).toBeUndefined();
    expect(at("2026-07-01T00:00:00Z")).toBe(3);
  });

  test("is the one of its batch API and region, and of no other", () => {
    const rules = [rule(["m"], "2"), rule(["m"], "1", { batch: true }), rule(["m"], "3", { region: "us" })];
    expect(dollars(rules, {})).toBe(2);
    expect(dollars(rules, { batch: true })).toBe(1);
    expect(dollars(rules, { region: "us" })).toBe(3);
    expect(dollars(rules, { region: "eu" })).toBeUndefined();
    expect(dollars(rules, { region: "us", batch: true })).toBeUndefined();
  });
});

describe("a price book", () => {
  test("has a version that names its data", () => {
    const version = (rules: readonly PriceRule[]) => createPriceBook([acmeTable(rules)]).version;
    expect(version([rule(["m"], "1")])).toMatch(/^[0-9a-f]{12}$/);
    expect(version([rule(["m"], "1")])).toBe(version([rule(["m"], "1")]));
    expect(version([rule(["m"], "1")])).not.toBe(version([rule(["m"], "1.0000001")]));
  });

  test.each([
    ["two tables of a vendor", [acmeTable([]), acmeTable([])], /two price tables of acme/],
    ["a rate that is no number", [acmeTable([rule(["m"], "1,5")])], /price of acme m.*"1,5"/],
    ["a negative rate", [acmeTable([rule(["m"], "-1")])], /price of acme m/],
    ["a day that is none", [acmeTable([rule(["m"], "1", { from: "2026-13-01" })])], /price of acme m.*"2026-13-01"/],
    ["an extra that is no number", [acmeTable([rule(["m"], "1", { extras: { search: "" } })])], /price of acme m/],
  ])("refuses %s", (_what, tables, message) => {
    expect(() => createPriceBook(tables)).toThrow(message);
  });

  test("can be made of the tables there are, in which no two rules say different things", () => {
    expect(createPriceBook(priceTables).version).toMatch(/^[0-9a-f]{12}$/);
    const seen = new Map<string, { from: string; to: string }[]>();
    const twice: string[] = [];
    for (const { vendors, rules } of priceTables) {
      for (const { models, rates: _rates, extras: _extras, requestFees: _fees, from, to, ...conditions } of rules) {
        for (const model of models) {
          const id = JSON.stringify([vendors[0], model, conditions]);
          const period = { from: from ?? "", to: to ?? "9999" };
          const others = seen.get(id) ?? [];
          if (others.some((other) => period.from < other.to && other.from < period.to)) twice.push(id);
          seen.set(id, [...others, period]);
        }
      }
    }
    expect(twice).toEqual([]);
  });

  test("says of every table where it is from and when", () => {
    for (const { asOf, source } of priceTables) {
      expect(asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(source).toMatch(/^https:\/\//);
    }
  });
});
