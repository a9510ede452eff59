import { ExecutionError } from "../../errors.ts";
import type { CounterName } from "../../ledger/budgets/counter-store.ts";

/**
 * What counters say; undefined if they cannot be reached and no hard limit is among those that are asked, so that the call goes on uncounted. Under a
 * hard limit it does not: throws LEDGER_UNAVAILABLE.
 */
export async function unlessDown<Answer>(
  counters: readonly CounterName[],
  answer: Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    const isDown = thrown instanceof ExecutionError && thrown.reason === "LEDGER_UNAVAILABLE";
    if (isDown && counters.every(({ limit }) => limit.mode !== "hard")) return undefined;
    throw thrown;
  }
}
