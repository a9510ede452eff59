import { describe, expect, test } from "@jest/globals";
import { createPriceBook, priceBookInForce } from "../../../src/ledger/prices/price-book.ts";
import type { PriceQuery, PriceRule } from "../../../src/ledger/prices/types.ts";
import { acmeTable, priceQuery, usageOf } from "./rig.ts";

/*
 * Mutants seen red: own prices below the table; the vendor's own over the instance's; rules of the table left beside own ones of the same tier; own
 * rules of an id taken for a snapshot that the table lists; a rule for any region over one for the very region; a version of the tables alone.
 */

const rule = (input: string, conditions: Partial<PriceRule> = {}): PriceRule => ({
  models: ["m"],
  rates: { input, output: "0" },
  ...conditions,
});
const own = (input: string, conditions: Partial<PriceRule> = {}): PriceRule =>
  rule(input, { region: "*", ...conditions });

interface Given {
  readonly table?: readonly PriceRule[];
  readonly vendor?: readonly PriceRule[];
  readonly near?: readonly PriceRule[];
}

function bookOf({ table = [], vendor, near }: Given) {
  return createPriceBook([acmeTable(table, { tierWords: { default: "", fast: "priority" } })], {
    vendors: vendor === undefined ? {} : { acme: vendor },
    instances: near === undefined ? {} : { near },
  });
}

/** What a million tokens of input cost in dollars; undefined if they have no price. */
function dollars(given: Given, query: Partial<PriceQuery> = {}, inputTotal = 1_000_000): number | undefined {
  const book = bookOf(given);
  const cost = book.costOf(book.priceOf(priceQuery(query)), usageOf({ inputTotal, outputTotal: 0 }));
  return cost === undefined ? undefined : (Number(cost) / 1e9) * (1_000_000 / inputTotal);
}

describe("prices of one's own", () => {
  test("win over the table, and those of an instance over those of its vendor", () => {
    const given = { table: [rule("1")], vendor: [own("2")], near: [own("3")] };
    expect(dollars({ table: given.table })).toBe(1);
    expect(dollars({ table: given.table, vendor: given.vendor })).toBe(2);
    expect(dollars(given)).toBe(3);
    expect(dollars(given, { instance: "far" })).toBe(2);
    expect(dollars(given, { instance: "far", vendor: "other" })).toBeUndefined();
    expect(dollars(given, { vendor: "other" })).toBe(3);
  });

  test("replace what the table has for their tier and API, with every bound of input, and nothing else", () => {
    const table = [
      rule("1"),
      rule("2", { inputOver: 500 }),
      rule("3", { batch: true }),
      rule("4", { serviceTier: "flex" }),
      rule("5", { serviceTier: "priority" }),
    ];
    const vendor = [own("10"), own("20", { serviceTier: "fast" })];
    expect([dollars({ table }, {}, 100), dollars({ table }, {}, 1000)]).toEqual([1, 2]);
    const given = { table, vendor };
    expect([dollars(given, {}, 100), dollars(given, {}, 1000)]).toEqual([10, 10]);
    expect(dollars(given, { batch: true })).toBe(3);
    expect(dollars(given, { serviceTier: "flex" })).toBe(4);
    expect(dollars(given, { serviceTier: "priority" })).toBe(20);
  });

  test("hold on their days, and the table's on all others", () => {
    const given = { table: [rule("1")], vendor: [own("2", { from: "2026-03-01", to: "2026-04-01" })] };
    const at = (time: string) => dollars(given, { atMs: Date.parse(time) });
    expect(at("2026-02-28T23:59:59.999Z")).toBe(1);
    expect(at("2026-03-01T00:00:00Z")).toBe(2);
    expect(at("2026-03-31T23:59:59.999Z")).toBe(2);
    expect(at("2026-04-01T00:00:00Z")).toBe(1);
  });

  test("hold in every region, but where one of them names the region", () => {
    const given = { table: [rule("1"), rule("2", { region: "us" })], vendor: [own("3"), own("4", { region: "eu" })] };
    expect(dollars({ table: given.table }, { region: "us" })).toBe(2);
    expect(dollars({ table: given.table }, { region: "eu" })).toBeUndefined();
    for (const [region, expected] of [
      ["", 3],
      ["us", 3],
      ["eu", 4],
    ] as const) {
      expect(dollars(given, { region })).toBe(expected);
    }
  });

  test("of a model are those of its snapshots, but of one that the table lists itself", () => {
    const models = (...names: readonly string[]) => ({ models: names });
    const table = [rule("1"), rule("2", models("m-2026-01-01"))];
    const vendor = [own("3"), own("4", models("m-2026-02-02"))];
    const priceOf = (model: string) => dollars({ table, vendor }, { model });
    expect(priceOf("m")).toBe(3);
    expect(priceOf("m-2026-05-05")).toBe(3);
    expect(priceOf("m-2026-01-01")).toBe(2);
    expect(priceOf("m-2026-02-02")).toBe(4);
    // An id of one's own has the rest of its model's conditions.
    const flex = [own("5", { ...models("m-2026-02-02"), serviceTier: "flex" })];
    expect(dollars({ table, vendor: flex }, { model: "m-2026-02-02" })).toBe(1);
    expect(dollars({ table, vendor: flex }, { model: "m-2026-02-02", serviceTier: "flex" })).toBe(5);
  });

  test("make another version, and none of them the version of the tables", () => {
    const table = [rule("1")];
    const versions = [
      createPriceBook([acmeTable(table, { tierWords: { default: "", fast: "priority" } })]),
      bookOf({ table }),
      bookOf({ table, vendor: [own("1")] }),
      bookOf({ table, near: [own("1")] }),
      bookOf({ table, near: [own("1.0")] }),
    ].map(({ version }) => version);
    expect(versions[0]).toBe(versions[1]);
    expect(new Set(versions).size).toBe(4);
  });
});

// Mutant seen red: a price that is asked for its version when it is used.
test("a price keeps its figures and its version when other prices come into force", () => {
  const before = bookOf({ table: [rule("1")] });
  const after = bookOf({ table: [rule("1")], vendor: [own("2")] });
  let inForce = before;
  const book = priceBookInForce(() => inForce);
  const price = book.priceOf(priceQuery());
  inForce = after;
  const million = usageOf({ inputTotal: 1_000_000, outputTotal: 0 });
  expect([price?.version, book.costOf(price, million)]).toEqual([before.version, 1_000_000_000n]);
  expect([book.version, book.costOf(book.priceOf(priceQuery()), million)]).toEqual([after.version, 2_000_000_000n]);
});
