import { type OwnPrices, type PriceRule, type PriceTable, RATE_NAMES } from "../types.ts";
import type { PriceQuestion, PriceReference } from "./reference.ts";

/** A model that has prices: of a vendor, or of a provider instance by the operator's own rules. */
export interface PricedModel {
  readonly vendor: string;
  /** Empty for prices that count at any instance. */
  readonly instance: string;
  readonly model: string;
  /** Every rule that says something of it, whatever wins. */
  readonly rules: readonly PriceRule[];
}

/** What is asked of a model, without the bucket. */
export type Case = Omit<PriceQuestion, "what">;

/** Every model that a rule names. `vendorOf` says who bills an instance. */
export function pricedModels(
  tables: readonly PriceTable[],
  own: OwnPrices,
  vendorOf: (instance: string) => string,
): readonly PricedModel[] {
  const ofTables = tables.flatMap(({ vendors, rules }) => vendors.map((vendor) => [vendor, rules] as const));
  const vendors = new Map<string, readonly PriceRule[]>();
  for (const [vendor, rules] of [...ofTables, ...Object.entries(own.vendors)]) {
    vendors.set(vendor, [...(vendors.get(vendor) ?? []), ...rules]);
  }
  return [
    ...[...vendors].flatMap(([vendor, rules]) => modelsOf({ vendor, instance: "" }, rules)),
    ...Object.entries(own.instances).flatMap(([instance, rules]) =>
      modelsOf({ vendor: vendorOf(instance), instance }, rules),
    ),
  ];
}

function modelsOf(
  owner: Pick<PricedModel, "vendor" | "instance">,
  rules: readonly PriceRule[],
): readonly PricedModel[] {
  const names = new Set(rules.flatMap(({ models }) => models));
  return [...names].map((model) => ({ ...owner, model, rules: rules.filter(({ models }) => models.includes(model)) }));
}

/** Conditions under which a model has a price, each once. */
export function conditionsOf({ rules }: PricedModel): readonly Pick<PriceQuestion, "tier" | "batch" | "region">[] {
  const conditions = rules.map(({ serviceTier = "", batch = false, region = "" }) => ({
    tier: serviceTier,
    batch,
    region: region === "*" ? "" : region,
  }));
  return [...new Map(conditions.map((each) => [JSON.stringify(each), each])).values()];
}

/** Input tokens at which every model is asked for its price. */
const INPUTS = [100_000, 300_000];

/** How far from a bound of input a price is asked for, where the source rounds bounds. */
const BOUND_MARGIN = 1_000;

/**
 * The cases in which a model is asked for its price: under each of its conditions, now and right before and on each day on which one of its prices
 * begins or ends, below and above each bound of its input.
 */
export function casesOf(model: PricedModel, reference: PriceReference, nowMs: number): readonly Case[] {
  const { vendor, model: name, rules } = model;
  const days = new Set(rules.flatMap(({ from, to }) => [from, to]).filter((day) => day !== undefined));
  const changes = [...days].flatMap((day) => [Date.parse(day) - 1, Date.parse(day)]);
  const times = [nowMs, ...(reference.isDated ? changes : [])];
  const bounds = rules.flatMap(({ inputOver }) => (inputOver === undefined ? [] : [inputOver]));
  const [below, above] = reference.hasExactBounds ? [0, 1] : [-BOUND_MARGIN, BOUND_MARGIN];
  const inputs = [...new Set([...INPUTS, ...bounds.flatMap((bound) => [bound + below, bound + above])])];
  return conditionsOf(model).flatMap((conditions) =>
    times.flatMap((atMs) => inputs.map((input) => ({ vendor, model: name, atMs, ...conditions, input }))),
  );
}

/** True if a name is a bucket of tokens and not something billed beside them. */
export function isBucket(what: string): what is (typeof RATE_NAMES)[number] {
  return RATE_NAMES.some((name) => name === what);
}
