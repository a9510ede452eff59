import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import type { CounterStore } from "../../../src/ledger/budgets/counter-store.ts";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createOutageCounters } from "../../../src/ledger/budgets/outage-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { claimOf, describeCounterStore, newLimit } from "./counter-suite.ts";

const none = { most: 0, least: 0 };

function rig(capNanoUsd: bigint) {
  const memory = (): CounterStore =>
    createMemoryCounters({
      clock: createWindowClock({ nowMs: () => 0, monotonicMs: () => 0 }),
      maxCounters: 10_000,
    });
  const server = memory();
  let isDown = false;
  const asked = async <Answer>(answer: () => Promise<Answer>): Promise<Answer> => {
    if (isDown) throw new ExecutionError("LEDGER_UNAVAILABLE", "planted");
    return answer();
  };
  const shared: CounterStore = {
    ...server,
    reserve: (...args) => asked(() => server.reserve(...args)),
    extend: (...args) => asked(() => server.extend(...args)),
    settle: (...args) => asked(() => server.settle(...args)),
    add: (...args) => asked(() => server.add(...args)),
  };
  return {
    store: createOutageCounters({ shared, own: memory(), capNanoUsd }),
    server,
    goDown: (down: boolean) => {
      isDown = down;
    },
  };
}

describeCounterStore("counters that go on in an outage, while there is none", async () => rig(0n).store);

describe("an outage", () => {
  // Mutant seen red: standings with the cap as their amount, by which alerts of 80 % went out that held back the true ones.
  test("does not make a budget smaller for those who are told how much of it is used", async () => {
    const { store, goDown } = rig(50n);
    const claim = claimOf(newLimit(1000n), 40n);
    goDown(true);
    const taken = await store.reserve([claim], none);
    if (taken.kind === "refused") throw new Error("refused");
    expect(await store.settle(taken.reservation, [45n])).toMatchObject([{ limit: { amount: 1000n }, settled: 45n }]);
    await store.close();
  });

  // Mutants seen red: no cap; what was used meanwhile told to nobody, or told twice.
  test("lets as much through as the cap allows, and what was used is counted once the server is back", async () => {
    const { store, server, goDown } = rig(50n);
    const money = claimOf(newLimit(1000n), 20n, 1n);
    const calls = claimOf(newLimit(3n, { unit: "requests" }), 1n);
    await store.add(money, 900n);
    goDown(true);
    const one = await store.reserve([money, calls], { most: 5, least: 5 });
    if (one.kind === "refused") throw new Error("refused");
    expect(await store.extend(one.reservation, { most: 100, least: 1 })).toMatchObject({ kind: "granted", units: 25 });
    expect(await store.reserve([money], none)).toMatchObject({ kind: "refused" });
    await store.settle(one.reservation, [30n, 1n]);
    expect((await store.reserve([money], none)).kind).toBe("granted");
    goDown(false);
    expect(await server.peek(money)).toMatchObject({ settled: 900n });
    await Promise.all([store.reserve([calls], none), store.reserve([calls], none)]);
    expect(await server.peek(money)).toMatchObject({ settled: 930n });
    expect(await server.peek(calls)).toMatchObject({ settled: 1n, reserved: 2n });
  });

  test("does not extend what the server holds", async () => {
    const { store, goDown } = rig(1000n);
    const answer = await store.reserve([claimOf(newLimit(1000n), 1n, 1n)], { most: 1, least: 1 });
    goDown(true);
    if (answer.kind === "refused") throw new Error("refused");
    await expect(store.extend(answer.reservation, { most: 1, least: 1 })).rejects.toMatchObject({
      reason: "LEDGER_UNAVAILABLE",
    });
  });
});
