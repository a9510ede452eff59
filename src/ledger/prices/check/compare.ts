import { create } from "@bufbuild/protobuf";
import { unknownUsage } from "../../../contract/usage.ts";
import { BilledExtraSchema, type Usage } from "../../../gen/execution/v1/usage_pb.js";
import { ratesFor } from "../cost.ts";
import type { PriceBook } from "../price-book.ts";
import { type Price, RATE_NAMES, type Rates } from "../types.ts";
import { type KnownDifference, knownReason } from "./known-differences.ts";
import { type Case, casesOf, isBucket, type PricedModel } from "./questions.ts";
import type { PriceQuestion, PriceReference } from "./reference.ts";

/** A price of ours beside the source's. */
export interface Compared extends PriceQuestion {
  readonly instance: string;
  /** US dollars per million tokens, or per unit of what is billed beside them; undefined where there is no such price. */
  readonly ours: number | undefined;
  readonly theirs: number | undefined;
  /** `missing`: the source has no such price. */
  readonly verdict: "equal" | "different" | "missing";
  /** Why it is not equal, where that is known. */
  readonly known?: string;
}

/** What comparing needs. */
export interface CompareDeps {
  readonly book: PriceBook;
  readonly models: readonly PricedModel[];
  readonly reference: PriceReference;
  readonly known: readonly KnownDifference[];
  readonly nowMs: number;
  /** How much of the larger of two figures they may differ by: 0.01 for one per cent. */
  readonly threshold: number;
}

/**
 * Compares every price of the models with the source's, as far as that covers them: each is what a usage costs by the price book, so that conditions,
 * bounds and days are those that count. An operator's own price that says why it is not the list price is known to differ.
 */
export function comparePrices({ book, models, reference, known, nowMs, threshold }: CompareDeps): readonly Compared[] {
  return models.flatMap((model) =>
    casesOf(model, reference, nowMs).flatMap((each) =>
      compareCase(book, model, each, reference).map((compared) => {
        const verdict = verdictOf(compared, threshold);
        const reason =
          verdict === "equal" ? undefined : (compared.reason ?? knownReason(known, reference.name, compared));
        return { ...compared, verdict, ...(reason === undefined ? {} : { known: reason }) };
      }),
    ),
  );
}

interface Figures extends PriceQuestion, Pick<Compared, "instance" | "ours" | "theirs"> {
  /** What the operator's rule says of the difference. */
  readonly reason: string | undefined;
}

function compareCase(
  book: PriceBook,
  { instance }: PricedModel,
  each: Case,
  reference: PriceReference,
): readonly Figures[] {
  const { tier, input, ...query } = each;
  const price = book.priceOf({ ...query, instance, serviceTier: tier });
  const rates = price && ratesFor(price, tier, input);
  return namesIn(rates)
    .map((what) => ({ ...each, what }))
    .filter((question) => reference.covers(question))
    .map((question) => ({
      ...question,
      instance,
      ours: price && rateOf(book, price, question),
      theirs: reference.rate(question),
      reason: rates?.rule.reason,
    }));
}

/** Buckets that have a rate of their own, since others are billed as these, and what is billed beside tokens. Without any rate the input is asked for. */
function namesIn(rates: Rates | undefined): readonly string[] {
  if (rates === undefined) return ["input"];
  return [...RATE_NAMES.filter((name) => rates.tokens[name] !== undefined), ...rates.extras.keys()];
}

const MILLION = 1_000_000;

/** What a million tokens, or a unit, cost in US dollars: the difference that they make to what a request costs. */
function rateOf(book: PriceBook, price: Price, { tier, input, what }: PriceQuestion): number | undefined {
  const usage = (fields: Partial<Usage>): Usage => ({
    ...unknownUsage(),
    serviceTier: tier,
    outputTotal: 0,
    ...fields,
  });
  const dollars = (fields: Partial<Usage>): number | undefined => {
    const cost = book.costOf(price, usage(fields));
    return cost === undefined ? undefined : Number(cost) / 1e9;
  };
  if (isBucket(what) && what.startsWith("input")) {
    const cost = dollars({ inputTotal: input, ...(what === "input" ? {} : { [what]: input }) });
    return cost === undefined ? undefined : (cost / input) * MILLION;
  }
  const without = dollars({ inputTotal: input });
  const added: Partial<Usage> = isBucket(what)
    ? { outputTotal: MILLION, ...(what === "output" ? {} : { [what]: MILLION }) }
    : { extras: [create(BilledExtraSchema, { name: what, quantity: 1 })] };
  const together = dollars({ inputTotal: input, ...added });
  return together === undefined || without === undefined ? undefined : together - without;
}

/** What rounding to a nano-USD and sums of doubles can make, in dollars per million tokens. */
const ROUNDING = 1e-7;

function verdictOf({ ours, theirs }: Pick<Compared, "ours" | "theirs">, threshold: number): Compared["verdict"] {
  if (theirs === undefined) return "missing";
  if (ours === undefined) return "different";
  return Math.abs(ours - theirs) <= threshold * Math.max(ours, theirs) + ROUNDING ? "equal" : "different";
}
