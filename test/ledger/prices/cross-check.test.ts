import { describe, expect, test } from "@jest/globals";
import { calcPrice } from "@pydantic/genai-prices";
import { comparePrices } from "../../../src/ledger/prices/check/compare.ts";
import { createGenaiReference } from "../../../src/ledger/prices/check/genai-prices.ts";
import { isUnder, KNOWN_DIFFERENCES } from "../../../src/ledger/prices/check/known-differences.ts";
import { pricedModels } from "../../../src/ledger/prices/check/questions.ts";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { priceTables } from "../../../src/ledger/prices/tables/index.ts";
import type { PriceRule } from "../../../src/ledger/prices/types.ts";

/*
 * Every price of the tables is compared with `@pydantic/genai-prices`, which keeps the vendors' list prices independently of us, by the code of
 * `prices verify`: for each model, from each day on which one of our prices begins, below and above each bound of its input, each bucket at the
 * standard tier. It has no tiers beside the standard one, so those are compared with the vendors' rule instead: below.
 *
 * Mutants seen red: a rate with its decimal point moved, a rule without its `to`, a bound of 200,000 where it is 272,000.
 */

/** How many times the standard rate another tier's is. */
interface Ratio {
  readonly what: string;
  readonly tier: string;
  readonly ratio: number;
}

function ratios(rule: PriceRule, rules: readonly PriceRule[]): readonly Ratio[] {
  const tier = rule.serviceTier ?? (rule.batch === true ? "batch" : "");
  if (tier === "") return [];
  const isSame = ({ models: names, from, inputOver }: PriceRule): boolean =>
    names === rule.models && from === rule.from && inputOver === rule.inputOver;
  const standard = rules.find((each) => isSame(each) && each.batch === undefined && each.serviceTier === undefined);
  return (["input", "output"] as const).map((name) => ({
    what: `${rule.models[0]} ${name}`,
    tier,
    ratio: Number(rule.rates[name]) / Number(standard?.rates[name]),
  }));
}

describe("the prices of the tables", () => {
  const reference = createGenaiReference({ calcPrice });
  const models = pricedModels(priceTables, { vendors: {}, instances: {} }, () => "");
  const compared = comparePrices({
    book: createPriceBook(priceTables),
    models,
    reference,
    known: KNOWN_DIFFERENCES,
    nowMs: Date.UTC(2026, 10, 26),
    threshold: 1e-6,
  });
  const other = compared.filter(({ verdict }) => verdict !== "equal");
  const named = KNOWN_DIFFERENCES.filter(({ source }) => source === reference.name);

  test("are those of @pydantic/genai-prices, but for what is named", () => {
    process.stdout.write(
      `compared ${compared.length} prices of ${models.length} models: ${compared.length - other.length} equal to @pydantic/genai-prices\n`,
    );
    for (const { vendor, model, what, reason } of named) {
      process.stdout.write(`  but for ${what} of ${vendor} ${model}: ${reason}\n`);
    }
    expect(other.filter(({ known }) => known === undefined)).toEqual([]);
    expect(models.length).toBeGreaterThan(100);
  });

  // Mutant seen red: a batch rate that is the standard one.
  test("in batches and at flex are half, and at priority more than once and at most 2.5 times as much", () => {
    const others = priceTables.flatMap(({ rules }) => rules.flatMap((rule) => ratios(rule, rules)));
    process.stdout.write(`compared ${others.length} rates of other tiers with the standard ones\n`);
    const isRight = ({ tier, ratio }: Ratio) => (tier === "priority" ? ratio > 1 && ratio <= 2.5 : ratio === 0.5);
    expect(others.filter((each) => !isRight(each))).toEqual([]);
    expect(others.length).toBeGreaterThan(100);
  });

  test("differ wherever it is named", () => {
    expect(named.filter((difference) => !other.some((each) => isUnder(difference, each)))).toEqual([]);
  });
});
