import { BudgetMode, BudgetScope, BudgetUnit, BudgetWindow } from "../../gen/execution/v1/budgets_pb.js";
import type { LimitMode, LimitScope, LimitUnit, LimitWindow } from "../../limit.ts";

/** The contract's values for the words of limits. */
export const SCOPES: Readonly<Record<LimitScope, BudgetScope>> = {
  tenant: BudgetScope.TENANT,
  key: BudgetScope.KEY,
  persona: BudgetScope.PERSONA,
  provider: BudgetScope.PROVIDER,
  model: BudgetScope.MODEL,
  end_user: BudgetScope.END_USER,
};
export const WINDOWS: Readonly<Record<LimitWindow, BudgetWindow>> = {
  minute: BudgetWindow.MINUTE,
  hour: BudgetWindow.HOUR,
  day: BudgetWindow.DAY,
  month: BudgetWindow.MONTH,
  total: BudgetWindow.TOTAL,
  now: BudgetWindow.NOW,
};
export const UNITS: Readonly<Record<LimitUnit, BudgetUnit>> = {
  usd: BudgetUnit.USD,
  tokens: BudgetUnit.TOKENS,
  requests: BudgetUnit.REQUESTS,
  concurrent: BudgetUnit.CONCURRENT,
};
export const MODES: Readonly<Record<LimitMode, BudgetMode>> = {
  hard: BudgetMode.HARD,
  soft: BudgetMode.SOFT,
  shadow: BudgetMode.SHADOW,
};

/** The word that a value of the contract stands for; undefined for none. */
export function wordOf<Word extends string, Value>(
  words: Readonly<Record<Word, Value>>,
  value: Value,
): Word | undefined {
  return (Object.keys(words) as Word[]).find((word) => words[word] === value);
}
