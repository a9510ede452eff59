import type { BudgetBook } from "../../ledger/budgets/book.ts";
import type { CounterStore } from "../../ledger/budgets/counter-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { CostDeps } from "../costs.ts";
import type { RoutingState } from "../resolve.ts";

/** What the administration of budgets and costs needs from outside. */
export interface AdminDeps extends CostDeps {
  readonly state: () => RoutingState;
  readonly book: BudgetBook;
  readonly counters: CounterStore;
  readonly newId: () => string;
  /** Waits so many milliseconds. Rejects with the signal's reason when it fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}
