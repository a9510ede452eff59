import { expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import { createFilledCounters } from "../../../src/ledger/budgets/filled-counters.ts";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { noSums } from "../../../src/ledger/cost-groups.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { attemptRow } from "../attempt-row.ts";
import { claimOf, describeCounterStore, newLimit } from "./counter-suite.ts";

const none = { most: 0, least: 0 };

/** Counters over a ledger that may be away, tries again when it is let, and keeps each answer until one more of the gates is open. */
function rig(gates: readonly Promise<void>[] = []) {
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
  const told: number[] = [];
  let isAway = false;
  let questions = 0;
  let next = Promise.withResolvers<void>();
  const counters = createFilledCounters({
    counters: createMemoryCounters({ clock, maxCounters: 100_000 }),
    ledger: {
      costs: async (query) => {
        if (isAway) throw new ExecutionError("LEDGER_UNAVAILABLE", "planted");
        const answer = store.costs(query);
        questions += 1;
        await gates[questions - 1];
        return answer;
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

// Mutants seen red: whoever waits for the first fill left waiting by the second, or let through by the first; what the first has read opens the limit.
test("who waits for a limit that is put back while it is being filled waits for what was read last", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { store, counters } = rig(gates.map(({ promise }) => promise));
  const hard = newLimit(1n, { scope: "tenant", value: "acme", unit: "requests" });
  const kinds: string[] = [];
  const reserve = async () => kinds.push((await counters.reserve([claimOf(hard, 1n)], none)).kind);
  const fills = [counters.fill([hard])];
  const waiting = [reserve()];
  await store.settle(attemptRow({ tenant: "acme", endedAtMs: Date.now() }));
  fills.push(counters.fill([hard]));
  gates[0]?.resolve();
  await fills[0];
  waiting.push(reserve());
  await new Promise(setImmediate);
  expect(kinds).toEqual([]);
  gates[1]?.resolve();
  await fills[1];
  await new Promise(setImmediate);
  expect(kinds).toEqual(["refused", "refused"]);
  await Promise.all(waiting);
});

// Mutants seen red: a fill goes on after the counters are closed; it waits for a ledger that does not answer; it is told of as one that failed.
test("a fill ends when the counters are closed, whatever the ledger does", async () => {
  let pages = 0;
  const closed = Promise.withResolvers<void>();
  const told: number[] = [];
  const counters = createFilledCounters({
    counters: createMemoryCounters({
      clock: createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() }),
      maxCounters: 100,
    }),
    ledger: {
      costs: async () => {
        pages += 1;
        await closed.promise;
        return { groups: [{ ...noSums(), group: [`k${pages}`] }], total: noSums(), hasMore: pages < 3 };
      },
    },
    nowMs: Date.now,
    wait: () => Promise.reject(new Error("nothing is tried again")),
    onChange: (unfilled) => told.push(unfilled),
  });
  const { value: _value, ...each } = newLimit(1n);
  const filling = counters.fill([each]);
  await counters.close();
  await filling;
  closed.resolve();
  await new Promise(setImmediate);
  expect({ pages, told }).toEqual({ pages: 1, told: [] });
});

test("what cannot be filled is given up with the counters", async () => {
  const { counters, goAway } = rig();
  goAway(true);
  await counters.fill([newLimit(1n)]);
  await counters.close();
});
