import type { OwnPriceRule } from "./config.ts";
import type { PriceRuleEntry } from "./prices-schema.ts";
import { record } from "./record.ts";
import type { Path } from "./tree.ts";

/** Told of what is wrong with the rule at a path. */
export type RuleProblem = (path: Path, message: string) => void;

/** Turns the rules of a vendor or an instance into settings. Models and days that are there twice are problems, and so are windows without a day. */
export function buildPriceRules(
  path: Path,
  entries: readonly PriceRuleEntry[],
  problem: RuleProblem,
): readonly OwnPriceRule[] {
  const rules = entries.map(buildRule);
  for (const [index, rule] of rules.entries()) checkRule([...path, index], rule, problem);
  const indexed = rules.map((rule, index) => ({ rule, index }));
  for (const model of new Set(rules.flatMap(({ models }) => models))) {
    const ofModel = indexed.filter(({ rule }) => rule.models.includes(model));
    checkModel(path, model, ofModel, problem);
  }
  return rules;
}

function checkRule(at: Path, { models, from, to, extras, requestFees = [] }: OwnPriceRule, problem: RuleProblem): void {
  if (from !== undefined && to !== undefined && from >= to) {
    problem([...at, "to"], "must be after from: it is the first day on which the prices hold no more");
  }
  for (const [place, fee] of requestFees.entries()) {
    if (extras?.[fee] === undefined) problem([...at, "request_fees", place], "must be one of the extras of the rule");
  }
  for (const [place, model] of models.entries()) {
    if (models.indexOf(model) < place) problem([...at, "models", place], "is in the list a second time");
  }
}

/** A rule with its place in the list. */
interface Indexed {
  readonly rule: OwnPriceRule;
  readonly index: number;
}

function checkModel(path: Path, model: string, rules: readonly Indexed[], problem: RuleProblem): void {
  for (const [place, { rule, index }] of rules.entries()) {
    const twin = rules.slice(0, place).find((other) => isSameCase(other.rule, rule) && overlaps(other.rule, rule));
    if (twin !== undefined) {
      problem(
        [...path, index],
        `says what ${model} costs on days and under conditions for which rule [${twin.index}] says it; keep one of them, or part them by from and to`,
      );
    }
    const lacking = dayWithoutBase(
      rule,
      rules.map((other) => other.rule),
    );
    if (lacking !== undefined) {
      problem(
        [...path, index, "input_over"],
        `needs a rule beside it, under the same conditions, for what ${model} costs up to it ${lacking}`,
      );
    }
  }
}

function buildRule({
  models,
  from,
  to,
  service_tier,
  batch,
  region,
  input_over,
  rates,
  extras,
  request_fees,
  reason,
}: PriceRuleEntry): OwnPriceRule {
  return {
    models,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(input_over === undefined ? {} : { inputOver: input_over }),
    ...(service_tier === undefined ? {} : { serviceTier: service_tier }),
    ...(batch ? { batch } : {}),
    region: region ?? "*",
    rates: record(Object.entries(rates).map(([key, amount]) => [bucketOf(key), amount])),
    ...(extras.size === 0 ? {} : { extras: record(extras) }),
    ...(request_fees.length === 0 ? {} : { requestFees: request_fees }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** `inputCacheWrite5m` for `input_cache_write_5m`. */
function bucketOf(key: string): string {
  return key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** True if two rules are for the same calls, but for the day and the length of the input. */
function isSameLane(left: OwnPriceRule, right: OwnPriceRule): boolean {
  return left.serviceTier === right.serviceTier && left.batch === right.batch && left.region === right.region;
}

function isSameCase(left: OwnPriceRule, right: OwnPriceRule): boolean {
  return isSameLane(left, right) && left.inputOver === right.inputOver;
}

/** Days as text are in order; a window without an end ends after every day. */
function overlaps({ from = "", to = "~" }: OwnPriceRule, other: OwnPriceRule): boolean {
  return from < (other.to ?? "~") && (other.from ?? "") < to;
}

/** Where a rule for long inputs has none for short ones beside it: from when on. Undefined if each of its days has one. */
function dayWithoutBase(rule: OwnPriceRule, rules: readonly OwnPriceRule[]): string | undefined {
  if (rule.inputOver === undefined) return undefined;
  const bases = rules.filter((other) => other.inputOver === undefined && isSameLane(other, rule));
  const { from = "", to = "~" } = rule;
  // Whether a day has a base can change only where the rule begins and where a base ends.
  const days = [from, ...bases.flatMap((base) => (base.to === undefined ? [] : [base.to]))];
  const lacking = days.find(
    (day) => day >= from && day < to && !bases.some((base) => (base.from ?? "") <= day && day < (base.to ?? "~")),
  );
  if (lacking === undefined) return undefined;
  return lacking === "" ? "from the beginning" : `from ${lacking}`;
}
