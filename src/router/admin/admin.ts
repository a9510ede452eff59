import type {
  ExportCostsRequest,
  ExportCostsResponse,
  WatchCostsRequest,
  WatchCostsResponse,
} from "../../gen/execution/v1/admin_pb.js";
import type { WatchBudgetsRequest, WatchBudgetsResponse } from "../../gen/execution/v1/budgets_pb.js";
import type { CallContext } from "../call.ts";
import { type Budgets, createBudgets } from "./budgets.ts";
import type { AdminDeps } from "./deps.ts";
import { exportCosts } from "./export-costs.ts";
import { createWatch } from "./watch.ts";
import { createBudgetLook } from "./watch-budgets.ts";
import { createCostLook } from "./watch-costs.ts";

/** Everything behind AdminService, as the contract has it. `draining` ends what would go on without end. */
export interface Admin extends Budgets {
  watchBudgets(
    request: WatchBudgetsRequest,
    context: CallContext,
    draining: AbortSignal,
  ): AsyncIterable<readonly WatchBudgetsResponse[]>;
  watchCosts(
    request: WatchCostsRequest,
    context: CallContext,
    draining: AbortSignal,
  ): AsyncIterable<readonly WatchCostsResponse[]>;
  exportCosts(request: ExportCostsRequest, context: CallContext): AsyncIterable<readonly ExportCostsResponse[]>;
}

/** Creates the administration of budgets and costs. */
export function createAdmin(deps: AdminDeps): Admin {
  const watch = createWatch(deps);
  return {
    ...createBudgets(deps),
    watchBudgets: (request, context, draining) =>
      watch(context, draining, createBudgetLook(deps, request, context.principal)),
    watchCosts: (request, context, draining) => watch(context, draining, createCostLook(deps, request, context)),
    exportCosts: (request, context) => exportCosts(deps, request, context),
  };
}
