import { create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Budget,
  BudgetSchema,
  type WatchBudgetsRequest,
  type WatchBudgetsResponse,
  WatchBudgetsResponseSchema,
} from "../../gen/execution/v1/budgets_pb.js";
import type { Principal } from "../call.ts";
import { budgetMessage } from "./budget-message.ts";
import { visibleBudgets } from "./budgets.ts";
import type { AdminDeps } from "./deps.ts";

/** Looks at budgets for one who watches them: all of them at first, then what has changed. Holds what it has told. Throws SCOPE_DENIED. */
export function createBudgetLook(
  deps: AdminDeps,
  request: WatchBudgetsRequest,
  principal: Principal,
): () => Promise<WatchBudgetsResponse | undefined> {
  let told: ReadonlyMap<string, Budget> | undefined;
  return async () => {
    const asOf = timestampFromMs(deps.nowMs());
    const entries = visibleBudgets(deps, request, principal);
    const budgets = await Promise.all(entries.map((entry) => budgetMessage(deps, entry, principal)));
    const before = told;
    told = new Map(budgets.map((budget) => [budget.budgetId, budget]));
    if (before === undefined) return create(WatchBudgetsResponseSchema, { snapshot: true, budgets, asOf });
    const changed = budgets.filter((budget) => !isSame(before.get(budget.budgetId), budget));
    const deletedBudgetIds = [...before.keys()].filter((id) => told?.has(id) !== true);
    if (changed.length === 0 && deletedBudgetIds.length === 0) return undefined;
    return create(WatchBudgetsResponseSchema, { budgets: changed, deletedBudgetIds, asOf });
  };
}

function isSame(before: Budget | undefined, now: Budget): boolean {
  return before !== undefined && equals(BudgetSchema, before, now);
}
