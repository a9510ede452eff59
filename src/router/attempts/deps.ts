import type { BudgetBook } from "../../ledger/budgets/book.ts";
import type { BudgetDeps } from "../budgets/deps.ts";
import type { Health } from "../health/health.ts";
import type { MeterDeps } from "../meter.ts";

/** What running attempts needs from outside. */
export interface AttemptDeps extends MeterDeps {
  readonly health: Health;
  readonly budgets: BudgetDeps;
  readonly book: Pick<BudgetBook, "idOf">;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** Waits so many milliseconds. Rejects with the signal's reason when it fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}
