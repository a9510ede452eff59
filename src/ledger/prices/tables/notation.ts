import type { PriceRule, RateTexts } from "../types.ts";

/** Rates in a line, US dollars per million tokens: input, input read from a cache, output. `-` is no rate of its own. */
export function rates(input: string, inputCacheRead: string, output: string, others: RateTexts = {}): RateTexts {
  return { input, ...(inputCacheRead === "-" ? {} : { inputCacheRead }), output, ...others };
}

/** What a model costs in each of its tiers; `long` is for an input above the given bound. */
export interface TierRates {
  readonly standard: RateTexts;
  readonly long?: RateTexts;
  readonly batch?: RateTexts;
  readonly batchLong?: RateTexts;
  readonly flex?: RateTexts;
  readonly flexLong?: RateTexts;
  readonly priority?: RateTexts;
  readonly priorityLong?: RateTexts;
}

/** What all rules of some models have in common. */
export interface RuleFrame extends Pick<PriceRule, "from" | "to" | "extras" | "requestFees"> {
  /** Input tokens above which `long` counts. */
  readonly longOver?: number;
}

/** The rules of models that cost the same, one for each tier and length. */
export function rulesFor(models: readonly string[], tiers: TierRates, frame: RuleFrame = {}): readonly PriceRule[] {
  const { longOver, ...common } = frame;
  const rule = (found: RateTexts | undefined, conditions: Partial<PriceRule>): readonly PriceRule[] =>
    found === undefined ? [] : [{ models, ...common, ...conditions, rates: found }];
  const long = longOver === undefined ? {} : { inputOver: longOver };
  return [
    ...rule(tiers.standard, {}),
    ...rule(tiers.long, long),
    ...rule(tiers.batch, { batch: true }),
    ...rule(tiers.batchLong, { batch: true, ...long }),
    ...rule(tiers.flex, { serviceTier: "flex" }),
    ...rule(tiers.flexLong, { serviceTier: "flex", ...long }),
    ...rule(tiers.priority, { serviceTier: "priority" }),
    ...rule(tiers.priorityLong, { serviceTier: "priority", ...long }),
  ];
}

/** Rules that hold in a region; `*` is any. */
export function inRegion(region: string, rules: readonly PriceRule[]): readonly PriceRule[] {
  return rules.map((rule) => ({ ...rule, region }));
}
