import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook, FREE } from "../../../src/ledger/prices/price-book.ts";
import type { PriceQuery, PriceRule } from "../../../src/ledger/prices/types.ts";
import { acmeTable, billedExtra, priceQuery, usageOf } from "./rig.ts";

/*
 * Mutants seen red: rounding each bucket up, rounding down, summing in numbers, an unknown rate as 0, a missing total as 0, cached tokens
 * billed as input as well, `inputOver` taken as inclusive, the higher rate for the part above it alone, the tier asked for winning over the
 * one served, an unknown tier as the standard one.
 */

function costAt(
  rules: readonly PriceRule[],
  usage: Partial<Usage>,
  query: Partial<PriceQuery> = {},
): bigint | undefined {
  const book = createPriceBook([acmeTable(rules, { tierWords: { default: "", ON_DEMAND_FLEX: "flex" } })]);
  return book.costOf(book.priceOf(priceQuery(query)), usageOf(usage));
}

/** The cost at one rule, rates in whole dollars per million, which are thousands of nano-USD a token. */
const cost = (rates: PriceRule["rates"], usage: Partial<Usage>, more: Partial<PriceRule> = {}) =>
  costAt([{ models: ["m"], rates, ...more }], usage);

const used = (fields: Partial<Usage>): Partial<Usage> => ({ inputTotal: 0, outputTotal: 0, ...fields });

describe("the cost of a usage", () => {
  test("is each bucket at its own rate, and every token once", () => {
    const rates = {
      input: "1",
      inputCacheRead: "2",
      inputCacheWrite5m: "3",
      inputCacheWrite1h: "4",
      inputAudio: "5",
      inputImage: "6",
      output: "7",
      outputReasoning: "8",
      outputAudio: "9",
      outputImage: "10",
    };
    const usage = {
      inputTotal: 111_111,
      inputUncached: 1,
      inputCacheRead: 10,
      inputCacheWrite5m: 100,
      inputCacheWrite1h: 1000,
      inputAudio: 10_000,
      inputImage: 100_000,
      outputTotal: 1111,
      outputText: 1,
      outputReasoning: 10,
      outputAudio: 100,
      outputImage: 1000,
    };
    const input = 1n + 20n + 300n + 4000n + 50_000n + 600_000n;
    const output = 7n + 80n + 900n + 10_000n;
    expect(cost(rates, usage)).toBe((input + output) * 1000n);
  });

  test("takes what the provider does not tell apart for text", () => {
    expect(cost({ input: "1", output: "2" }, { inputTotal: 10, outputTotal: 10 })).toBe(30_000n);
    // Four tokens of a sort that has no bucket.
    expect(cost({ input: "1", output: "2" }, used({ inputTotal: 10, inputUncached: 6 }))).toBe(10_000n);
  });

  test.each<[keyof Usage & string, bigint | undefined]>([
    ["inputCacheRead", 10_000n],
    ["inputCacheWrite5m", 10_000n],
    ["inputCacheWrite1h", undefined],
    ["inputAudio", undefined],
    ["inputImage", 10_000n],
  ])("without a rate for %s is %p", (bucket, expected) => {
    expect(cost({ input: "1", output: "2" }, used({ inputTotal: 10, [bucket]: 10 }))).toBe(expected);
  });

  test.each<[keyof Usage & string, bigint | undefined]>([
    ["outputReasoning", 20_000n],
    ["outputAudio", undefined],
    ["outputImage", undefined],
  ])("without a rate for %s is %p", (bucket, expected) => {
    expect(cost({ input: "1", output: "2" }, used({ outputTotal: 10, [bucket]: 10 }))).toBe(expected);
  });

  test("does not need a rate of what was not used", () => {
    expect(cost({ input: "1", output: "2" }, used({ inputTotal: 1, inputCacheWrite1h: 0, inputAudio: 0 }))).toBe(1000n);
  });

  test("is not known without both totals, or if they are less than their parts", () => {
    const rates = { input: "1", output: "2" };
    expect(cost(rates, {})).toBeUndefined();
    expect(cost(rates, { inputTotal: 1 })).toBeUndefined();
    expect(cost(rates, { outputTotal: 1 })).toBeUndefined();
    expect(cost(rates, used({ inputTotal: 7, inputCacheRead: 161 }))).toBeUndefined();
    expect(cost(rates, used({ outputTotal: 7, outputReasoning: 8 }))).toBeUndefined();
    // An embedding has no output, and its model no rate for one.
    expect(cost({ input: "1" }, { inputTotal: 1 })).toBe(1000n);
  });

  test("has what is billed beside tokens in it, and is not known without its price", () => {
    const rates = { input: "1", output: "2" };
    const extras = [billedExtra("searches", 3), billedExtra("fetches", 2)];
    expect(cost(rates, used({ extras }), { extras: { searches: "0.01", fetches: "0" } })).toBe(30_000_000n);
    expect(cost(rates, used({ extras }), { extras: { searches: "0.01" } })).toBeUndefined();
  });

  test("of a whole request is at the higher rates once its input is over the bound, cached tokens counted", () => {
    const rules: PriceRule[] = [
      { models: ["m"], rates: { input: "1", inputCacheRead: "1", output: "1" } },
      { models: ["m"], inputOver: 200, rates: { input: "2", inputCacheRead: "2", output: "3" } },
    ];
    expect(costAt(rules, { inputTotal: 200, outputTotal: 10 })).toBe(210_000n);
    expect(costAt(rules, { inputTotal: 201, inputCacheRead: 100, outputTotal: 10 })).toBe(432_000n);
  });

  test("is at the rates of the tier that was served, whichever was asked for", () => {
    const rules: PriceRule[] = [
      { models: ["m"], rates: { input: "2", output: "0" } },
      { models: ["m"], serviceTier: "flex", rates: { input: "1", output: "0" } },
    ];
    const asked = (serviceTier: string, served: string) =>
      costAt(rules, used({ inputTotal: 1, serviceTier: served }), { serviceTier });
    expect(asked("", "")).toBe(2000n);
    expect(asked("flex", "")).toBe(1000n);
    expect(asked("flex", "default")).toBe(2000n);
    expect(asked("", "flex")).toBe(1000n);
    expect(asked("", "ON_DEMAND_FLEX")).toBe(1000n);
    expect(asked("", "scale")).toBeUndefined();
    expect(asked("scale", "")).toBeUndefined();
  });

  test("of what nobody bills for is 0, and known even of an unknown usage", () => {
    const book = createPriceBook([]);
    expect(book.costOf(FREE, usageOf({}))).toBe(0n);
    expect(book.costOf(undefined, usageOf({ inputTotal: 0, outputTotal: 0 }))).toBeUndefined();
  });
});

// Mutant seen red: no bound, which no wire can say.
test("a cost that no amount can hold is not known", () => {
  const rules = [{ models: ["m"], rates: { input: "0", output: "0" }, extras: { search: "1" } }];
  const searches = (...quantities: number[]) =>
    costAt(rules, used({ extras: quantities.map((quantity) => billedExtra("search", quantity)) }));
  expect(searches(4_294_967_295, 4_294_967_295)).toBe(8_589_934_590_000_000_000n);
  expect(searches(4_294_967_295, 4_294_967_295, 4_294_967_295)).toBeUndefined();
});

describe("of any usage", () => {
  const tokens = fc.integer({ min: 0, max: 0xffffffff });
  const rate = fc.bigInt({ min: 0n, max: 10n ** 12n });
  const text = (nanoUsd: bigint): string => `${nanoUsd}e-9`;

  test("the cost is the exact sum, rounded up once", () => {
    fc.assert(
      fc.property(
        fc.array(tokens, { minLength: 6, maxLength: 6 }),
        fc.array(rate, { minLength: 4, maxLength: 4 }),
        (counts, rates) => {
          const [uncached = 0, read = 0, write = 0, words = 0, thoughts = 0, searches = 0] = counts;
          const [input = 0n, cached = 0n, output = 0n, search = 0n] = rates;
          const rule: PriceRule = {
            models: ["m"],
            rates: { input: text(input), inputCacheRead: text(cached), output: text(output) },
            extras: { search: text(search) },
          };
          const usage = {
            inputTotal: uncached + read + write,
            inputCacheRead: read,
            inputCacheWrite5m: write,
            outputTotal: words + thoughts,
            outputReasoning: thoughts,
            extras: [billedExtra("search", searches)],
          };
          const exact =
            BigInt(uncached + write) * input +
            BigInt(read) * cached +
            BigInt(words + thoughts) * output +
            BigInt(searches) * search * 1_000_000n;
          const found = costAt([rule], usage);
          if (found === undefined) return expect(exact > (2n ** 63n - 1n) * 1_000_000n).toBe(true);
          expect(found * 1_000_000n >= exact && (found - 1n) * 1_000_000n < exact).toBe(true);
        },
      ),
    );
  });

  test("more tokens never cost less, and a usage never more than its parts", () => {
    const rules: PriceRule[] = [
      { models: ["m"], rates: { input: "0.3", inputCacheRead: "0.03", output: "2.5" } },
      { models: ["m"], inputOver: 200_000, rates: { input: "0.6", inputCacheRead: "0.06", output: "3.75" } },
    ];
    const figures = fc.record({ read: fc.nat(300_000), uncached: fc.nat(300_000), output: fc.nat(300_000) });
    const of = ({ read, uncached, output }: { read: number; uncached: number; output: number }) =>
      costAt(rules, { inputTotal: read + uncached, inputCacheRead: read, outputTotal: output }) ?? -1n;
    fc.assert(
      fc.property(figures, figures, (one, more) => {
        const both = {
          read: one.read + more.read,
          uncached: one.uncached + more.uncached,
          output: one.output + more.output,
        };
        expect(of(both) >= of(one)).toBe(true);
        if (both.read + both.uncached <= 200_000) expect(of(both) <= of(one) + of(more)).toBe(true);
      }),
    );
  });
});
