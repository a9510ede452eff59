import type { CounterStore } from "../../ledger/budgets/counter-store.ts";
import type { LimitRegistry, Subject } from "../../ledger/budgets/registry.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Call } from "../call.ts";

/** What holding calls to limits needs from outside. */
export interface BudgetDeps {
  readonly limits: LimitRegistry;
  readonly counters: CounterStore;
  readonly log: Log;
}

/** Who makes a call. */
export function callerOf({ context, resolved }: Call): Subject {
  const { tenant, key } = context.principal;
  return { tenant, key, persona: resolved.persona, endUserId: resolved.request.endUserId };
}
