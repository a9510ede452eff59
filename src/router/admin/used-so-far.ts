import { seedCounters } from "../../ledger/budgets/seed.ts";
import type { Limit } from "../../limit.ts";
import type { AdminDeps } from "./deps.ts";

/**
 * Counts for a limit that is new what was used in its window already, as far as the ledger knows it. What runs meanwhile was not reserved from it, and is
 * not counted. One that was there before, and has its counters still, is brought up to what was used and not counted twice.
 */
export async function countUsedSoFar(
  { ledger, counters, nowMs }: Pick<AdminDeps, "ledger" | "counters" | "nowMs">,
  limit: Limit,
): Promise<void> {
  const upTo: typeof counters.add = async (name, amount) => {
    const { settled } = await counters.peek(name);
    if (amount > settled) await counters.add(name, amount - settled);
  };
  await seedCounters({ counters: { add: upTo }, ledger, nowMs }, [limit]);
}
