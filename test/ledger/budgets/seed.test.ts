import { expect, test } from "@jest/globals";
import { AttemptOutcome, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { seedCounters } from "../../../src/ledger/budgets/seed.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import type { AttemptRow, LedgerStore } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import type { Limit } from "../../../src/limit.ts";
import { usageOf } from "../prices/rig.ts";

const now = Date.UTC(2026, 10, 26, 12, 30, 30);
const hour = 3_600_000;

function row(attemptId: string, overrides: Partial<AttemptRow>): AttemptRow {
  return {
    attemptId,
    streamId: attemptId,
    requestId: attemptId,
    tenant: "t",
    key: "k",
    persona: "default",
    endUserId: "",
    metadata: {},
    step: 0,
    attempt: 0,
    provider: "near",
    kind: "scripted",
    model: "m",
    usage: usageOf({ inputTotal: 10, outputTotal: 5 }),
    costNanoUsd: 100n,
    priceVersion: "v",
    billed: Billed.YES,
    outcome: AttemptOutcome.WON,
    reason: "",
    startedAtMs: now - 1,
    endedAtMs: now,
    ...overrides,
  };
}

// Mutant seen red: fills do not ask for all.
test("what counters begin with is all that was settled, or nothing", async () => {
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  const clock = createWindowClock({ nowMs: () => now, monotonicMs: () => 0 });
  const counters = createMemoryCounters({ clock, maxCounters: 100 });
  const asked: unknown[] = [];
  const costs: LedgerStore["costs"] = async (query) => {
    asked.push(query.isComplete);
    return ledger.costs(query);
  };
  const limit: Limit = { scope: "tenant", value: "t", window: "day", unit: "usd", amount: 1n, mode: "hard" };
  await seedCounters({ counters, ledger: { costs }, nowMs: () => now }, [limit]);
  expect(asked).toEqual([true]);
});

// Mutants seen red: counters that begin at nothing; the whole ledger for a window.
test("counters begin with what the ledger has of the windows that are open", async () => {
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  await ledger.settle(row("today", {}));
  await ledger.settle(row("an hour ago", { endedAtMs: now - hour, key: "other" }));
  await ledger.settle(row("again", { attempt: 1, streamId: "today" }));
  await ledger.settle(row("yesterday", { endedAtMs: now - 24 * hour }));
  await ledger.settle(row("last month", { endedAtMs: now - 31 * 24 * hour }));
  await ledger.settle(row("somebody's", { endUserId: "u/1", tenant: "t2" }));
  const clock = createWindowClock({ nowMs: () => now, monotonicMs: () => 0 });
  const counters = createMemoryCounters({ clock, maxCounters: 100 });
  const limit = (overrides: Partial<Limit>): Limit => ({
    scope: "tenant",
    value: "t",
    window: "day",
    unit: "usd",
    amount: 1n,
    mode: "hard",
    ...overrides,
  });
  const each: Limit = { scope: "key", window: "month", unit: "tokens", amount: 1n, mode: "hard" };
  const users: Limit = { ...each, scope: "end_user", unit: "usd", window: "total" };
  const cases: readonly (readonly [Limit, string, bigint])[] = [
    [limit({}), "t", 300n],
    [limit({ window: "hour" }), "t", 200n],
    [limit({ window: "month" }), "t", 400n],
    [limit({ window: "total" }), "t", 500n],
    [limit({ unit: "requests" }), "t", 2n],
    [limit({ unit: "requests", scope: "provider", value: "near" }), "near", 4n],
    [each, "k", 60n],
    [each, "other", 15n],
    [users, "t2/u/1", 100n],
    [limit({ unit: "concurrent", window: "now" }), "t", 0n],
  ];
  await seedCounters({ counters, ledger, nowMs: () => now }, [...new Set(cases.map(([each]) => each))]);
  for (const [counted, subject, settled] of cases) {
    expect([counted, (await counters.peek({ limit: counted, subject })).settled]).toEqual([counted, settled]);
  }
});

const monthly: Limit = { scope: "tenant", value: "t", window: "month", unit: "usd", amount: 100n, mode: "hard" };

// Mutant seen red: what is read of one month counts in the next.
test("what is read while a window ends does not count in the next one", async () => {
  let at = Date.UTC(2026, 10, 30, 23, 59, 59, 500);
  const clock = createWindowClock({ nowMs: () => at, monotonicMs: () => at });
  const counters = createMemoryCounters({ clock, maxCounters: 100 });
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  await ledger.settle(row("late", { endedAtMs: at - 1 }));
  const slow: Pick<typeof ledger, "costs"> = {
    costs: async (query) => {
      const answer = await ledger.costs(query);
      at += 1000;
      return answer;
    },
  };
  await seedCounters({ counters, ledger: slow, nowMs: () => at }, [monthly]);
  const standing = await counters.peek({ limit: monthly, subject: "t" });
  expect(standing).toMatchObject({ windowStartMs: Date.UTC(2026, 11), settled: 0n });
});

// Mutant seen red: only what ended before now is read.
test.each(["hour", "total"] as const)("what ended by a clock that was ahead counts: %s", async (window) => {
  const clock = createWindowClock({ nowMs: () => now, monotonicMs: () => 0 });
  const counters = createMemoryCounters({ clock, maxCounters: 100 });
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  await ledger.settle(row("ahead", { endedAtMs: now + hour / 4 }));
  const limit: Limit = { ...monthly, window };
  await seedCounters({ counters, ledger, nowMs: () => now }, [limit]);
  expect(await counters.peek({ limit, subject: "t" })).toMatchObject({ settled: 100n });
});
