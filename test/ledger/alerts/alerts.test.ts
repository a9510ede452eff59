import { expect, test } from "@jest/globals";
import type { AlertSettings } from "../../../src/alert.ts";
import type { Alert } from "../../../src/ledger/alerts/alert.ts";
import { alertingCounters } from "../../../src/ledger/alerts/alerts.ts";
import type { Outbox } from "../../../src/ledger/alerts/outbox.ts";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { Secret } from "../../../src/secret.ts";
import { claimOf, newLimit } from "../budgets/counter-suite.ts";

const RECEIVER: AlertSettings = {
  url: "https://there",
  secret: new Secret("a secret of a test"),
  thresholds: [80],
  allowPrivate: true,
};
const NONE = { most: 0, least: 0 };

// Mutant seen red: the window of the time at which this process hears how the budget stands.
test("an alert names the window that was counted, also when the next one has begun before the answer is here", async () => {
  const time = { nowMs: Date.UTC(2026, 11, 1) - 1 };
  const nowMs = () => time.nowMs;
  const clock = createWindowClock({ nowMs, monotonicMs: nowMs });
  const memory = createMemoryCounters({ clock, maxCounters: 10 });
  const added: Alert[] = [];
  const counters = alertingCounters(
    {
      ...memory,
      settle: async (...args) => {
        const standings = await memory.settle(...args);
        time.nowMs += 2;
        return standings;
      },
    },
    {
      receivers: () => [RECEIVER],
      outbox: {
        has: ({ id }) => added.some((alert) => alert.id === id),
        add: (alert) => added.push(alert),
        close: async () => undefined,
      },
      nowMs,
    },
  );
  const claim = claimOf(newLimit(100n, { window: "month" }), 85n);
  const use = async (): Promise<void> => {
    const taken = await counters.reserve([claim], NONE);
    if (taken.kind === "refused") throw new Error("refused");
    await counters.settle(taken.reservation, [85n]);
  };
  await use();
  await use();
  expect(added.map(({ payload, windowEndMs }) => [JSON.parse(payload).window_start, windowEndMs])).toEqual([
    ["2026-11-01T00:00:00.000Z", Date.UTC(2026, 11, 1)],
    ["2026-12-01T00:00:00.000Z", Date.UTC(2027, 0, 1)],
  ]);
});

// Mutants seen red: an id without the amount; one with what is used in it.
test("a budget whose amount changes tells of its thresholds anew, once for each amount, and the ids of one amount are the same everywhere", async () => {
  const nowMs = () => Date.UTC(2026, 10, 26);
  const limit = newLimit(100n, { unit: "tokens", mode: "soft" });
  const clock = createWindowClock({ nowMs, monotonicMs: nowMs });
  const process = () => {
    const added: Alert[] = [];
    const outbox: Outbox = {
      has: ({ id }) => added.some((alert) => alert.id === id),
      add: (alert) => added.push(alert),
      close: async () => undefined,
    };
    const memory = createMemoryCounters({ clock, maxCounters: 10 });
    const counters = alertingCounters(memory, { receivers: () => [RECEIVER], outbox, nowMs });
    const use = async (amount: bigint, used: bigint): Promise<void> => {
      const taken = await counters.reserve([claimOf({ ...limit, amount }, used)], NONE);
      if (taken.kind === "refused") throw new Error("refused");
      await counters.settle(taken.reservation, [used]);
    };
    return { added, use, told: () => added.map(({ payload }) => JSON.parse(payload).budget.amount) };
  };
  const one = process();
  await one.use(100n, 85n);
  await one.use(100n, 1n);
  await one.use(200n, 1n);
  expect(one.told()).toEqual(["100"]);
  await one.use(200n, 80n);
  await one.use(200n, 1n);
  await one.use(100n, 1n);
  expect(one.told()).toEqual(["100", "200"]);
  const other = process();
  await other.use(100n, 90n);
  expect(other.added.map(({ id }) => id)).toEqual([one.added[0]?.id]);
});
