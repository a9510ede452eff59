import { parseUsd } from "../../contract/money.ts";
import { type PriceRule, RATE_NAMES, type RateName, type Rates } from "./types.ts";

/** A rule, read. */
export interface ReadRule {
  readonly rule: PriceRule;
  /** Milliseconds since the epoch; `toMs` is excluded. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly rates: Rates;
}

/** Rules by model. */
export type RulesByModel = ReadonlyMap<string, readonly ReadRule[]>;

/**
 * Reads the rules of a vendor or instance, which is called `owner` where something is wrong with them. Throws for a rate that is no decimal number
 * and for a day that is none.
 */
export function readRules(owner: string, rules: readonly PriceRule[], isOwn: boolean): RulesByModel {
  const byModel = new Map<string, ReadRule[]>();
  for (const rule of rules) {
    const read = readRule(rule, `the price of ${owner} ${rule.models[0] ?? ""}`, isOwn);
    for (const model of rule.models) {
      const rulesOfModel = byModel.get(model);
      if (rulesOfModel === undefined) byModel.set(model, [read]);
      else rulesOfModel.push(read);
    }
  }
  return byModel;
}

function readRule(rule: PriceRule, where: string, isOwn: boolean): ReadRule {
  return {
    rule,
    fromMs: rule.from === undefined ? Number.NEGATIVE_INFINITY : dayMs(rule.from, where),
    toMs: rule.to === undefined ? Number.POSITIVE_INFINITY : dayMs(rule.to, where),
    rates: {
      inputOver: rule.inputOver ?? 0,
      rule,
      isOwn,
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
