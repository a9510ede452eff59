import { createHash } from "node:crypto";
import type { ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import { costOf } from "./cost.ts";
import { bound, estimate } from "./estimate.ts";
import { type ReadRule, type RulesByModel, readRules } from "./read-rules.ts";
import type { CostBound, CostEstimate, OwnPrices, Price, PriceQuery, PriceRule, PriceTable, Rates } from "./types.ts";

/** Knows what models cost. Pure, and never another one: other prices are another book. */
export interface PriceBook {
  /** Names the data: the beginning of a hash of it, so that equal prices have equal versions. */
  readonly version: string;
  /** The price of a model; undefined if it has none, which never means that it is free. */
  priceOf(query: PriceQuery): Price | undefined;
  /** Cost of a usage in nano-USD, rounded up once; undefined if what was used is not known or has no price. */
  costOf(price: Price | undefined, usage: Usage): bigint | undefined;
  /** What a request may cost. */
  estimate(price: Price | undefined, request: ChatRequest, model: ModelCapabilities): CostEstimate;
  /** What has to be reserved for a request; undefined if it has no price. */
  bound(price: Price | undefined, request: ChatRequest, model: ModelCapabilities): CostBound | undefined;
}

/** The price of what nobody bills for. */
export const FREE: Price = { free: true, version: "", tiers: new Map(), tierWords: new Map(), askedTier: "" };

/** No prices but those of the tables. */
const NO_OWN_PRICES: OwnPrices = { vendors: {}, instances: {} };

/** A region's rule that is for all of them. */
const ANY_REGION = "*";

/** A vendor's table, read. */
interface ReadTable {
  readonly rulesOf: RulesByModel;
  readonly suffix: RegExp;
  readonly tierWords: ReadonlyMap<string, string>;
}

/** What is known of a vendor without a table: its models have no snapshots, and its standard tier is called as most do. */
const NO_TABLE: ReadTable = {
  rulesOf: new Map(),
  suffix: /(?!)/,
  tierWords: new Map(["auto", "default", "standard"].map((word) => [word, ""])),
};

/**
 * Creates a price book of the tables, and of an operator's own prices over them. For a model, day, service tier, API (batch or not) and region,
 * the first of these that has a rule counts, with all of its bounds of input: own prices of the instance, own prices of the vendor, each first
 * those of the very id and then those of the id without what a snapshot adds; the table. A snapshot that the table lists itself has nothing of the
 * id without it. Throws for a table that cannot be read: two for one vendor, a rate that is no decimal number, a day that is none.
 */
export function createPriceBook(tables: readonly PriceTable[], own: OwnPrices = NO_OWN_PRICES): PriceBook {
  const byVendor = new Map<string, ReadTable>();
  for (const table of tables) {
    const read = readTable(table);
    for (const vendor of table.vendors) {
      if (byVendor.has(vendor)) throw new Error(`there are two price tables of ${vendor}`);
      byVendor.set(vendor, read);
    }
  }
  const ofInstances = readOwn(own.instances);
  const ofVendors = readOwn(own.vendors);
  const version = versionOf(tables, own);
  return {
    version,
    priceOf: (query) => {
      const table = byVendor.get(query.vendor) ?? NO_TABLE;
      const ownRules = [ofInstances.get(query.instance), ofVendors.get(query.vendor)].filter(
        (rules) => rules !== undefined,
      );
      const tiers = tiersOf(sourcesOf(table, ownRules, query.model), table, query);
      return tiers.size === 0
        ? undefined
        : { free: false, version, tiers, tierWords: table.tierWords, askedTier: query.serviceTier };
    },
    costOf: (price, usage) => (price === undefined ? undefined : costOf(price, usage)),
    estimate: (price, request, model) => (price === undefined ? {} : estimate(price, request, model)),
    bound: (price, request, model) => (price === undefined ? undefined : bound(price, request, model)),
  };
}

/** A book that is whichever is in force when it is asked. A price keeps the version it has, so that what began at it ends at it. */
export function priceBookInForce(inForce: () => PriceBook): PriceBook {
  return {
    get version() {
      return inForce().version;
    },
    priceOf: (query) => inForce().priceOf(query),
    costOf: (price, usage) => inForce().costOf(price, usage),
    estimate: (price, request, model) => inForce().estimate(price, request, model),
    bound: (price, request, model) => inForce().bound(price, request, model),
  };
}

/** Without prices of one's own the version is that of the tables alone. */
function versionOf(tables: readonly PriceTable[], own: OwnPrices): string {
  const isNone = Object.keys(own.vendors).length === 0 && Object.keys(own.instances).length === 0;
  const data = isNone ? tables : { tables, own };
  return createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 12);
}

/** The rules of a model by where they are from, what wins first. */
function sourcesOf(
  { rulesOf, suffix }: ReadTable,
  own: readonly RulesByModel[],
  model: string,
): readonly (readonly ReadRule[])[] {
  const listed = rulesOf.get(model);
  const base = listed === undefined ? model.replace(suffix, "") : model;
  const fromTable = listed ?? rulesOf.get(base) ?? [];
  if (own.length === 0) return [fromTable];
  const names = base === model ? [model] : [model, base];
  return [...names.flatMap((name) => own.map((rules) => rules.get(name) ?? [])), fromTable];
}

/** The rates of each tier that has some: those of the first source that knows it, the highest bound of input first. */
function tiersOf(
  sources: readonly (readonly ReadRule[])[],
  { tierWords }: ReadTable,
  query: PriceQuery,
): ReadonlyMap<string, readonly Rates[]> {
  const tiers = new Map<string, Rates[]>();
  for (const rules of sources) {
    const found = new Map<string, ReadRule[]>();
    for (const read of rules) {
      if (!holds(read, query)) continue;
      const word = read.rule.serviceTier ?? "";
      const tier = tierWords.get(word) ?? word;
      found.set(tier, [...(found.get(tier) ?? []), read]);
    }
    for (const [tier, ofTier] of found) if (!tiers.has(tier)) tiers.set(tier, ratesOf(ofTier, query.region));
  }
  return tiers;
}

function holds({ rule, fromMs, toMs }: ReadRule, { atMs, batch, region }: PriceQuery): boolean {
  if (atMs < fromMs || atMs >= toMs || (rule.batch ?? false) !== batch) return false;
  const ruled = rule.region ?? "";
  return ruled === region || ruled === ANY_REGION;
}

/** Rules for the very region leave those for any without effect. */
function ratesOf(rules: readonly ReadRule[], region: string): Rates[] {
  const exact = rules.filter(({ rule }) => (rule.region ?? "") === region);
  const chosen = exact.length > 0 ? exact : rules;
  return chosen.map(({ rates }) => rates).sort((a, b) => b.inputOver - a.inputOver);
}

function readOwn(own: Readonly<Record<string, readonly PriceRule[]>>): ReadonlyMap<string, RulesByModel> {
  return new Map(Object.entries(own).map(([owner, rules]) => [owner, readRules(owner, rules, true)]));
}

function readTable({ vendors, suffix, tierWords, rules }: PriceTable): ReadTable {
  return {
    rulesOf: readRules(vendors[0] ?? "", rules, false),
    suffix: new RegExp(`(?:${suffix})$`),
    tierWords: new Map(Object.entries(tierWords)),
  };
}
