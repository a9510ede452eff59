import type { BudgetBook } from "../../ledger/budgets/book.ts";
import type { Reservation, Standing } from "../../ledger/budgets/counter-store.ts";
import { scopeLabel } from "../../ledger/budgets/registry.ts";
import type { BudgetDeps } from "./deps.ts";

/** What noting shadow limits needs from outside. */
export interface ShadowDeps {
  readonly budgets: Pick<BudgetDeps, "log">;
  readonly book: Pick<BudgetBook, "idOf">;
}

/** Notes shadow limits that are exceeded by what was just settled, an amount a standing. */
export function noteSettled(deps: ShadowDeps, standings: readonly Standing[], used: readonly bigint[]): void {
  for (const [index, standing] of standings.entries()) note(deps, standing, standing.settled, used[index] ?? 0n);
}

/** Notes shadow limits of what runs at once that are exceeded by what was just reserved: nothing of them is ever settled. */
export function noteReserved(deps: ShadowDeps, { claims }: Reservation, standings: readonly Standing[]): void {
  for (const [index, standing] of standings.entries()) {
    if (standing.limit.unit === "concurrent") note(deps, standing, standing.reserved, claims[index]?.fixed ?? 0n);
  }
}

/** Notes the call by which a shadow limit is exceeded. An end user is a person, whom no log names. */
function note({ budgets, book }: ShadowDeps, standing: Standing, sum: bigint, added: bigint): void {
  const { limit } = standing;
  if (limit.mode !== "shadow" || sum <= limit.amount || sum - added > limit.amount) return;
  const scope = limit.scope === "end_user" ? `end_user/${limit.window}` : scopeLabel(standing);
  budgets.log.info("a shadow limit is exceeded", { budgetId: book.idOf(limit), scope, unit: limit.unit });
}
