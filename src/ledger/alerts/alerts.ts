import type { AlertSettings } from "../../alert.ts";
import type { CounterStore, Standing } from "../budgets/counter-store.ts";
import { windowAt } from "../budgets/windows.ts";
import { alertId, alertPayload, reachedBy } from "./alert.ts";
import type { Outbox } from "./outbox.ts";

/** What finding out needs. */
export interface AlertsDeps {
  readonly receivers: () => readonly AlertSettings[];
  readonly outbox: Outbox;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/**
 * Counters that see each budget that reaches a threshold when something is settled, and have its receivers told. Nobody waits for that; without receivers
 * it is nothing.
 */
export function alertingCounters(counters: CounterStore, deps: AlertsDeps): CounterStore {
  return {
    ...counters,
    settle: async (reservation, used) => {
      const standings = await counters.settle(reservation, used);
      for (const standing of standings) tell(deps, standing);
      return standings;
    },
  };
}

function tell({ receivers, outbox, nowMs }: AlertsDeps, standing: Standing): void {
  // Not that of this moment: the answer of a server may come when the next one has begun.
  const window = windowAt(standing.limit.window, standing.windowStartMs);
  for (const receiver of receivers()) {
    for (const threshold of reachedBy(receiver, standing)) {
      const id = alertId(receiver.url, standing, window, threshold);
      if (outbox.has({ id, url: receiver.url })) continue;
      const payload = alertPayload(id, standing, window, threshold, nowMs());
      outbox.add({
        id,
        url: receiver.url,
        payload,
        isSent: false,
        isOfAmount: true,
        ...(window.endMs !== undefined && { windowEndMs: window.endMs }),
      });
    }
  }
}
