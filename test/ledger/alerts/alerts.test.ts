import { expect, test } from "@jest/globals";
import type { Alert } from "../../../src/ledger/alerts/alert.ts";
import { alertingCounters } from "../../../src/ledger/alerts/alerts.ts";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { Secret } from "../../../src/secret.ts";
import { claimOf, newLimit } from "../budgets/counter-suite.ts";

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
      receivers: () => [
        { url: "https://there", secret: new Secret("a secret of a test"), thresholds: [80], allowPrivate: true },
      ],
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
    const taken = await counters.reserve([claim], { most: 0, least: 0 });
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
