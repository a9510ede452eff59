import { createHash } from "node:crypto";
import { parseUsd } from "../../contract/money.ts";
import type { ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import { costOf } from "./cost.ts";
import { bound, estimate } from "./estimate.ts";
import {
  type CostBound,
  type CostEstimate,
  type Price,
  type PriceQuery,
  type PriceRule,
  type PriceTable,
  RATE_NAMES,
  type RateName,
  type Rates,
} from "./types.ts";

/** Knows what models cost. Pure, and the same for the whole life of a process. */
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
export const FREE: Price = { free: true, tiers: new Map(), tierWords: new Map(), askedTier: "" };

/** A rule, read. */
interface ReadRule {
  readonly rule: PriceRule;
  readonly fromMs: number;
  readonly toMs: number;
  readonly rates: Rates;
}

/** A vendor's table, read. */
interface ReadTable {
  readonly rulesOf: ReadonlyMap<string, readonly ReadRule[]>;
  readonly suffix: RegExp;
  readonly tierWords: ReadonlyMap<string, string>;
}

/** Creates a price book. Throws for a table that cannot be read: two for one vendor, a rate that is no decimal number, a day that is none. */
export function createPriceBook(tables: readonly PriceTable[]): PriceBook {
  const byVendor = new Map<string, ReadTable>();
  for (const table of tables) {
    const read = readTable(table);
    for (const vendor of table.vendors) {
      if (byVendor.has(vendor)) throw new Error(`there are two price tables of ${vendor}`);
      byVendor.set(vendor, read);
    }
  }
  return {
    version: createHash("sha256").update(JSON.stringify(tables)).digest("hex").slice(0, 12),
    priceOf: (query) => {
      const table = byVendor.get(query.vendor);
      return table === undefined ? undefined : lookUp(table, query);
    },
    costOf: (price, usage) => (price === undefined ? undefined : costOf(price, usage)),
    estimate: (price, request, model) => (price === undefined ? {} : estimate(price, request, model)),
    bound: (price, request, model) => (price === undefined ? undefined : bound(price, request, model)),
  };
}

function lookUp({ rulesOf, suffix, tierWords }: ReadTable, query: PriceQuery): Price | undefined {
  const rules = rulesOf.get(query.model) ?? rulesOf.get(query.model.replace(suffix, "")) ?? [];
  const tiers = new Map<string, Rates[]>();
  for (const { rule, fromMs, toMs, rates } of rules) {
    if (query.atMs < fromMs || query.atMs >= toMs) continue;
    if ((rule.batch ?? false) !== query.batch || (rule.region ?? "") !== query.region) continue;
    const tier = rule.serviceTier ?? "";
    tiers.set(
      tier,
      [...(tiers.get(tier) ?? []), rates].sort((a, b) => b.inputOver - a.inputOver),
    );
  }
  return tiers.size === 0 ? undefined : { free: false, tiers, tierWords, askedTier: query.serviceTier };
}

function readTable({ vendors, suffix, tierWords, rules }: PriceTable): ReadTable {
  const rulesOf = new Map<string, ReadRule[]>();
  for (const rule of rules) {
    const read = readRule(rule, vendors[0] ?? "");
    for (const model of rule.models) {
      const rulesOfModel = rulesOf.get(model);
      if (rulesOfModel === undefined) rulesOf.set(model, [read]);
      else rulesOfModel.push(read);
    }
  }
  return { rulesOf, suffix: new RegExp(`(?:${suffix})$`), tierWords: new Map(Object.entries(tierWords)) };
}

function readRule(rule: PriceRule, vendor: string): ReadRule {
  const where = `the price of ${vendor} ${rule.models[0] ?? ""}`;
  return {
    rule,
    fromMs: rule.from === undefined ? Number.NEGATIVE_INFINITY : dayMs(rule.from, where),
    toMs: rule.to === undefined ? Number.POSITIVE_INFINITY : dayMs(rule.to, where),
    rates: {
      inputOver: rule.inputOver ?? 0,
      tokens: tokenRates(rule, where),
      extras: new Map(Object.entries(rule.extras ?? {}).map(([name, text]) => [name, nanoUsd(text, where)])),
      requestFees: rule.requestFees ?? [],
    },
  };
}

function tokenRates({ rates }: PriceRule, where: string): Partial<Record<RateName, bigint>> {
  const tokens: Partial<Record<RateName, bigint>> = {};
  for (const name of RATE_NAMES) {
    const text = rates[name];
    if (text !== undefined) tokens[name] = nanoUsd(text, where);
  }
  return tokens;
}

function nanoUsd(text: string, where: string): bigint {
  const value = parseUsd(text);
  if (value === undefined) throw new Error(`${where} has a rate that is no decimal number: ${JSON.stringify(text)}`);
  return value;
}

function dayMs(text: string, where: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw new Error(`${where} has a day that is none: ${JSON.stringify(text)}`);
  return ms;
}
