import { beforeAll, describe, expect, test } from "@jest/globals";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { priceTables } from "../../../src/ledger/prices/tables/index.ts";
import { loadCase, recordingsAvailable } from "../../support/recordings.ts";
import { handWorked } from "./by-hand.ts";
import { COST_EXCEPTIONS, SUM_EXCEPTIONS } from "./exceptions.ts";
import { type ReadUsage, readRecordedUsage } from "./read-usage.ts";
import { type ReportedUsage, wires } from "./wires.ts";

/*
 * Every recorded usage object is read by its adapter: the buckets add up to the totals that the provider's reference gives them, listed ones are
 * what was worked by hand, and our cost is the provider's own where it gives one.
 *
 * Mutants seen red: cached tokens left in the uncached ones; reasoning left in the text; hidden reasoning not added to the output; the first
 * choice's usage taken instead of the last one; the cost of a usage rounded down.
 */

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const book = createPriceBook(priceTables);

function costOf({ vendor, model, atMs, usage }: ReadUsage): bigint | undefined {
  const price = book.priceOf({ vendor, instance: "", model, atMs, serviceTier: "", batch: false, region: "" });
  return usage === undefined ? undefined : book.costOf(price, usage);
}

const IN = [
  "inputUncached",
  "inputCacheRead",
  "inputCacheWrite5m",
  "inputCacheWrite1h",
  "inputAudio",
  "inputImage",
] as const;
const OUT = ["outputText", "outputReasoning", "outputAudio", "outputImage"] as const;
const add = (usage: Usage, buckets: readonly (typeof USAGE_BUCKETS)[number][]): number =>
  buckets.reduce((sum, bucket) => sum + (usage[bucket] ?? 0), 0);

/** What is wrong with the reading of a usage, one line each: totals that are not the provider's, parts that do not add up to them. */
function wrongSums({ id, label, reported, usage }: ReadUsage): readonly string[] {
  const wire = wires.find((each) => each.label === label);
  if (usage === undefined || wire === undefined) return [`${id}: no final usage`];
  const { input, output } = wire.totals(reported);
  const { inputTotal, outputTotal, inputUncached, outputText } = usage;
  const [ins, outs] = [add(usage, IN), add(usage, OUT)];
  return [
    ...(inputTotal === input ? [] : [`${id}: ${inputTotal} in, the provider says ${input}`]),
    ...(outputTotal === output ? [] : [`${id}: ${outputTotal} out, the provider says ${output}`]),
    // Where text is not told apart the rest is; it must not be more than all.
    ...((inputUncached === undefined ? ins <= (inputTotal ?? 0) : ins === inputTotal)
      ? []
      : [`${id}: ${ins} in parts of ${inputTotal}`]),
    ...((outputText === undefined ? outs <= (outputTotal ?? 0) : outs === outputTotal)
      ? []
      : [`${id}: ${outs} out in parts of ${outputTotal}`]),
  ];
}

/** The provider's own figure in dollars, read anew; undefined if it gives none. Azure's is always 0. */
function ownCost({ cost, cost_in_usd_ticks: ticks, pydantic_ai_gateway: gateway }: ReportedUsage): number | undefined {
  if (typeof cost === "number") return cost;
  if (typeof ticks === "number" && ticks > 0) return ticks / 1e10;
  const nested = [cost, gateway].flatMap((value) => (typeof value === "object" && value !== null ? [value] : []));
  const found = nested
    .flatMap((value) => Object.entries(value))
    .find(([name]) => /^(total_cost|cost_estimate)$/.test(name));
  return typeof found?.[1] === "number" ? found[1] : undefined;
}

describe("recorded usage", () => {
  if (!recordingsAvailable()) {
    test("needs recordings, of which this machine has none (EP_TEST_RECORDINGS)", () => {
      say("read 0 of 0 usage objects: there are no recordings");
    });
    return;
  }

  let read: readonly ReadUsage[] = [];
  beforeAll(async () => {
    read = await readRecordedUsage();
  });

  test("is in buckets that add up to the provider's totals", () => {
    for (const { label, rows } of wires) {
      const own = read.filter((each) => each.label === label);
      const none = rows.filter((row) => loadCase(row).expected.usage === undefined);
      const wrong = own.filter((each) => wrongSums(each).length > 0);
      say(
        `read ${own.length - wrong.length} of ${own.length} usage objects of ${label}; ${none.length} of ${rows.length} answers have none`,
      );
      expect(own.length + none.length).toBe(rows.length);
    }
    for (const [id, reason] of SUM_EXCEPTIONS) say(`  but for ${id}: ${reason}`);
    const wrong = read.filter((each) => wrongSums(each).length > 0);
    const unnamed = wrong.filter(({ id }) => !SUM_EXCEPTIONS.has(id)).flatMap(wrongSums);
    expect(unnamed).toEqual([]);
    const ids = new Set(wrong.map(({ id }) => id));
    expect([...SUM_EXCEPTIONS.keys()].filter((id) => read.some((each) => each.id === id) && !ids.has(id))).toEqual([]);
  });

  test("is in the buckets and has the cost that were worked by hand", () => {
    const claimed = handWorked.filter(({ api }) => wires.some(({ apis }) => apis.includes(api)));
    const found = claimed.map(({ id }) => {
      const own = read.find((each) => each.id === id);
      if (own?.usage === undefined) return { id };
      const { usage } = own;
      const buckets = USAGE_BUCKETS.flatMap((name) => ((usage[name] ?? 0) > 0 ? [[name, usage[name]] as const] : []));
      const extras = usage.extras.map(({ name, quantity }) => [name, quantity] as const);
      return { id, buckets: Object.fromEntries(buckets), extras: Object.fromEntries(extras), cost: costOf(own) };
    });
    say(
      `worked ${claimed.length} of ${handWorked.length} usage objects by hand, those of the wires that have an adapter`,
    );
    expect(found).toEqual(claimed.map(({ id, buckets, extras = {}, cost }) => ({ id, buckets, extras, cost })));
    expect(claimed.length).toBeGreaterThanOrEqual(40);
  });

  test("tells the service tier that the answer names, since what it costs may depend on it", () => {
    const named = read.filter(({ tier }) => tier !== undefined);
    const isTold = ({ tier, usage }: ReadUsage): boolean => usage?.serviceTier === (tier === 1 ? "ON_DEMAND" : tier);
    say(`told the service tier of ${named.filter(isTold).length} of ${named.length} answers that name one`);
    expect(named.filter((each) => !isTold(each)).map(({ id, tier, usage }) => [id, tier, usage?.serviceTier])).toEqual(
      [],
    );
    expect(
      read.filter(({ tier, usage }) => tier === undefined && usage?.serviceTier !== "").map(({ id }) => id),
    ).toEqual([]);
  });

  test("costs what the provider says it cost, within 1 %", () => {
    const told = read.flatMap((each) => {
      const theirs = ownCost(each.reported);
      return theirs === undefined
        ? []
        : [{ id: each.id, theirs, ours: costOf(each), kept: each.usage?.providerCostNanoUsd }];
    });
    const isEqual = ({ theirs, ours }: (typeof told)[number]): boolean =>
      ours !== undefined && Math.abs(Number(ours) / 1e9 - theirs) <= theirs * 0.01;
    const other = told.filter((each) => !isEqual(each));
    say(`compared ${told.length - other.length} of ${told.length} costs with the provider's own, within 1 %`);
    for (const [id, reason] of COST_EXCEPTIONS) say(`  but for ${id}: ${reason}`);
    expect(other.map(({ id }) => id).toSorted()).toEqual([...COST_EXCEPTIONS.keys()].toSorted());
    // And the provider's figure is kept beside ours, to the nano-dollar.
    expect(told.filter(({ theirs, kept }) => Math.abs(Number(kept ?? -1n) - theirs * 1e9) > 1)).toEqual([]);
  });
});
