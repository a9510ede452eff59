import { type Limit, type LimitScope, limitId } from "../limit.ts";
import type { BuildContext } from "./build-provider.ts";
import type { BudgetEntry, LimitsEntry } from "./file-schema.ts";
import { LIMIT_KEYS, readAmount } from "./limit-schema.ts";
import { didYouMean } from "./nearest.ts";
import { Refusal } from "./reader.ts";
import { type Path, shownName } from "./tree.ts";

/** Names that a budget may be for, by scope; a scope that is not here has any. */
export type KnownNames = Readonly<Partial<Record<LimitScope, readonly string[]>>>;

/** Something that has `limits`, and how it is called. */
export interface Limited {
  readonly name: string;
  readonly limits?: LimitsEntry | undefined;
}

/** Turns the `limits` of those of a scope into limits. */
export function buildLimits(scope: LimitScope, limited: Iterable<Limited>): readonly Limit[] {
  return [...limited].flatMap(({ name, limits }) =>
    [...(limits ?? [])].flatMap(([key, amount]): Limit[] => {
      const known = LIMIT_KEYS.get(key);
      return known === undefined || amount === undefined
        ? []
        : [{ scope, value: name, ...known, amount, mode: "hard" }];
    }),
  );
}

/**
 * Turns `budgets` into limits. A name that does not exist, an amount that does not fit its unit, a window where there can be none, and a second budget for
 * the same are problems; `others` are the limits there are already.
 */
export function buildBudgets(
  entries: readonly BudgetEntry[],
  others: readonly Limit[],
  known: KnownNames,
  { problem, isWritten }: BuildContext,
): readonly Limit[] {
  const seen = new Set(others.map(limitId));
  return entries.flatMap((entry, index): Limit[] => {
    const path: Path = ["budgets", index];
    const { scope, name, unit, mode } = entry;
    const names = known[scope];
    if (name !== undefined && names?.includes(name) === false) {
      problem([...path, "name"], `there is no ${scope} "${shownName(name)}".${didYouMean(name, names)}`);
    }
    const window = unit === "concurrent" ? "now" : entry.window;
    if (unit === "concurrent" && entry.window !== undefined) {
      problem([...path, "window"], "must not be there: calls at once are counted at this moment");
    }
    if (window === undefined) {
      // One that is there was refused for what it is.
      if (!isWritten([...path, "window"])) {
        problem([...path, "window"], "is missing; write minute, hour, day, month or total");
      }
      return [];
    }
    const amount = readAmount(unit, entry.amount);
    if (amount instanceof Refusal) {
      problem([...path, "amount"], amount.message);
      return [];
    }
    const limit: Limit = { scope, ...(name !== undefined && { value: name }), window, unit, amount, mode };
    if (seen.has(limitId(limit))) problem(path, "is here a second time: there is such a limit already");
    seen.add(limitId(limit));
    return [limit];
  });
}
