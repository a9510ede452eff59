import type { BudgetBook } from "../../ledger/budgets/book.ts";
import type { CounterStore } from "../../ledger/budgets/counter-store.ts";
import type { LedgerStore } from "../../ledger/store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { RoutingState } from "../resolve.ts";

/** What the administration of budgets and costs needs from outside. */
export interface AdminDeps {
  readonly state: () => RoutingState;
  readonly book: BudgetBook;
  readonly counters: CounterStore;
  readonly ledger: LedgerStore;
  readonly newId: () => string;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Waits so many milliseconds. Rejects with the signal's reason when it fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}
