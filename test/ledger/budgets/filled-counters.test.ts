import { expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import { createFilledCounters } from "../../../src/ledger/budgets/filled-counters.ts";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { attemptRow } from "../attempt-row.ts";
import { claimOf, describeCounterStore, newLimit } from "./counter-suite.ts";

const none = { most: 0, least: 0 };

/** Counters over a ledger that may be away, and tries again when it is let. */
function rig() {
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
  const told: number[] = [];
  let isAway = false;
  let next = Promise.withResolvers<void>();
  const counters = createFilledCounters({
    counters: createMemoryCounters({ clock, maxCounters: 100_000 }),
    ledger: {
      costs: async (query) => {
        if (isAway) throw new ExecutionError("LEDGER_UNAVAILABLE", "planted");
        return store.costs(query);
      },
    },
    nowMs: Date.now,
    wait: (_, signal) =>
      Promise.race([
        next.promise,
        new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ]),
    onChange: (unfilled) => told.push(unfilled),
  });
  return {
    store,
    counters,
    told,
    goAway: (away: boolean) => {
      isAway = away;
    },
    tryAgain: async () => {
      next.resolve();
      next = Promise.withResolvers();
      await new Promise(setImmediate);
    },
  };
}

describeCounterStore("counters that are filled", async () => rig().counters);

// Mutants seen red: nobody waits for a limit to be filled; nothing is tried again.
test("a hard limit lets nothing through until the ledger has said what was used, and then what is left", async () => {
  const { store, counters, told, goAway, tryAgain } = rig();
  const hard = newLimit(10n, { scope: "tenant", value: "acme", unit: "requests" });
  const soft = { ...hard, mode: "soft" } as const;
  await store.settle(attemptRow({ tenant: "acme", endedAtMs: Date.now() }));
  goAway(true);
  await counters.fill([hard, soft]);
  const claim = claimOf(hard, 1n);
  const refusal = { reason: "LEDGER_UNAVAILABLE", extras: { retryAfterMs: 1000 } };
  await expect(counters.reserve([claim], none)).rejects.toMatchObject(refusal);
  expect(await counters.reserve([claimOf(soft, 1n)], none)).toMatchObject({ kind: "granted" });
  await tryAgain();
  await expect(counters.reserve([claim], none)).rejects.toMatchObject(refusal);
  goAway(false);
  await tryAgain();
  expect(await counters.reserve([claim], none)).toMatchObject({ standings: [{ settled: 1n, reserved: 1n }] });
  expect(told).toEqual([2, 0]);
  await counters.close();
});

// Mutant seen red: a reservation that does not wait for what is being read.
test("who reserves while a limit is being filled waits for that", async () => {
  const { store, counters } = rig();
  const hard = newLimit(1n, { scope: "tenant", value: "acme", unit: "requests" });
  await store.settle(attemptRow({ tenant: "acme", endedAtMs: Date.now() }));
  const [, answer] = await Promise.all([counters.fill([hard]), counters.reserve([claimOf(hard, 1n)], none)]);
  expect(answer.kind).toBe("refused");
});

test("what cannot be filled is given up with the counters", async () => {
  const { counters, goAway } = rig();
  goAway(true);
  await counters.fill([newLimit(1n)]);
  await counters.close();
});
