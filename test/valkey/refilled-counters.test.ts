import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Closure } from "../../src/ledger/budgets/valkey/fill-marks.ts";
import { createRefilledCounters } from "../../src/ledger/budgets/valkey/refilled-counters.ts";
import { createValkeyCounters } from "../../src/ledger/budgets/valkey/valkey-counters.ts";
import { noSums } from "../../src/ledger/cost-groups.ts";
import type { CostGroup } from "../../src/ledger/store.ts";
import type { Limit } from "../../src/limit.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey, type Valkey } from "../../src/valkey.ts";
import { claimOf, newLimit } from "../ledger/budgets/counter-suite.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let direct: Valkey;
let processes = 0;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startValkeyServer();
  direct = await connectValkey(server.url, createLog("silent"));
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await direct.close();
  await server.stop();
});

/** What a process is told of time, in milliseconds. */
interface Times {
  readonly leaseMs: number;
  readonly closure: Closure;
}

const none = { most: 0, least: 0 };

/** A ledger that has so much of any limit, and can be told to have more, to have nothing to say, or to take its time. */
interface Ledger {
  used: bigint;
  isAway?: boolean;
  /** It answers when this resolves. */
  ready?: Promise<void>;
}

/** A process on a ledger. */
async function startProcess(source: string, ledger: Ledger, { leaseMs, closure }: Partial<Times> = {}) {
  processes += 1;
  const log = createLog("silent");
  const options = { url: server.url, owner: `process-${processes}`, log, leaseMs: leaseMs ?? 10_000 };
  const counters = createRefilledCounters({
    counters: await createValkeyCounters({ ...options, source }),
    ledger: {
      costs: async ({ filter }) => {
        if (ledger.isAway === true) throw new Error("away");
        await ledger.ready;
        const total = group([], ledger.used);
        return { groups: [group([filter?.key ?? ""], ledger.used)], total, hasMore: false };
      },
    },
    nowMs: Date.now,
    wait: async () => setImmediate(),
    closure: closure ?? { leastMs: 500, mostMs: 30_000 },
    onLost: () => undefined,
  });
  closing.push(() => counters.close());
  return counters;
}

function group(names: readonly string[], costNanoUsd: bigint): CostGroup {
  return { ...noSums(), group: names, costNanoUsd };
}

const settledOf = async (counters: Awaited<ReturnType<typeof startProcess>>, limit: Limit): Promise<bigint> =>
  (await counters.peek(claimOf(limit, 0n))).settled;

// Mutant seen red: what another ledger told taken for one's own.
test("a limit begins with what all ledgers have together, each told once, be it again or after a restart", async () => {
  const limit = newLimit(100n);
  const [one, other] = [await startProcess("a", { used: 30n }), await startProcess("b", { used: 20n })];
  expect(await one.reserve([claimOf(limit, 10n)], none)).toMatchObject({ kind: "granted" });
  await Promise.all([one.fill([limit]), other.fill([limit]), other.fill([limit])]);
  expect(await settledOf(one, limit)).toBe(50n);
  const again = await startProcess("a", { used: 40n });
  await again.fill([limit]);
  expect(await again.reserve([claimOf(limit, 41n)], none)).toMatchObject({ kind: "refused" });
  expect(await settledOf(again, limit)).toBe(50n);
});

// Mutants seen red: a fill goes on after the counters are closed; it waits for a ledger that does not answer.
test("counters close while a limit is being filled from a ledger that does not answer", async () => {
  const [asked, ready] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ledger: Ledger = {
    used: 30n,
    get ready() {
      asked.resolve();
      return ready.promise;
    },
  };
  const counters = await startProcess("slow", ledger);
  const filling = counters.fill([newLimit(100n)]);
  await asked.promise;
  await Promise.all([filling, closing.pop()?.()]);
  ready.resolve();
});

// Mutant seen red: counters that begin with nothing.
test("a hard limit lets nothing through before this ledger has said what was used, and a soft one does", async () => {
  const ledger = { used: 95n, isAway: true };
  const counters = await startProcess("a", ledger);
  const limit = newLimit(100n);
  await expect(counters.reserve([claimOf(limit, 1n)], none)).rejects.toThrow("away");
  const soft = await counters.reserve([claimOf({ ...limit, mode: "soft" }, 1n)], none);
  expect(soft).toMatchObject({ kind: "granted" });
  ledger.isAway = false;
  expect(await counters.reserve([claimOf(limit, 6n)], none)).toMatchObject({ kind: "refused" });
  expect(await counters.reserve([claimOf(limit, 5n)], none)).toMatchObject({ kind: "granted" });
});

// Mutants seen red: a lost limit open as soon as the first ledger has filled it; a mark that is not looked at.
test("what the server has lost lets nothing through until all that live have filled it, and is not overshot then", async () => {
  const limit = newLimit(100n);
  const ledgers: readonly [Ledger, Ledger] = [{ used: 0n }, { used: 0n }];
  const [one, other] = [await startProcess("a", ledgers[0]), await startProcess("b", ledgers[1])];
  for (const [counters, ledger] of [[one, ledgers[0]] as const, [other, ledgers[1]] as const]) {
    await counters.fill([limit]);
    const taken = await counters.reserve([claimOf(limit, 45n)], none);
    if (taken.kind === "granted") await counters.settle(taken.reservation, [45n]);
    ledger.used = 45n;
  }
  expect(await settledOf(one, limit)).toBe(90n);
  await direct.send("FLUSHALL");
  const fresh = await startProcess("c", { used: 0n });
  await expect(one.reserve([claimOf(limit, 45n)], none)).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE" });
  await one.fill([limit]);
  // Also for one that does not know that anything was lost.
  for (const each of [one, fresh]) {
    await expect(each.reserve([claimOf(limit, 45n)], none)).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE" });
  }
  await other.fill([limit]);
  const opened = await waitFor(() => one.reserve([claimOf(limit, 45n)], none).catch(() => undefined), {
    what: "the limit to open",
  });
  expect(opened).toMatchObject({ kind: "refused", refusals: [{ settled: 90n }] });
  expect(await one.reserve([claimOf(limit, 10n)], none)).toMatchObject({ kind: "granted" });
});

// Mutant seen red: a process that takes what its ledger had told before its start for new.
test("a process that was started when its ledger had told already finds out what is lost, too", async () => {
  const limit = newLimit(100n);
  const ledger = { used: 90n };
  await (await startProcess("a", ledger)).fill([limit]);
  const again = await startProcess("a", ledger);
  await again.fill([limit]);
  await direct.send("FLUSHALL");
  await again.fill([limit]);
  await expect(again.reserve([claimOf(limit, 1n)], none)).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE" });
});

type Process = Awaited<ReturnType<typeof startProcess>>;

/** Two processes of which each has used 45 of 100, the second with a ledger that answers when it is let go, on a server that has just lost that. */
async function loseCounters(limit: Limit, times: Partial<Times> = {}) {
  const slow = Promise.withResolvers<void>();
  const ledgers: readonly [Ledger, Ledger] = [{ used: 0n }, { used: 0n }];
  const one = await startProcess("a", ledgers[0], times);
  const other = await startProcess("b", ledgers[1], times);
  for (const [index, counters] of [one, other].entries()) {
    await counters.fill([limit]);
    const taken = await counters.reserve([claimOf(limit, 45n)], none);
    if (taken.kind === "granted") await counters.settle(taken.reservation, [45n]);
    Object.assign(ledgers[index] ?? {}, { used: 45n });
  }
  ledgers[1].ready = slow.promise;
  closing.unshift(async () => slow.resolve());
  return { one, other, letGo: slow.resolve };
}

/** Waits until the server's own clock has passed the least time for which a limit is closed, and what it was closed for at most. */
async function waitForLeast(): Promise<void> {
  await waitFor(
    async () => {
      const marks = ((await direct.send("HGETALL", "ep:{budgets}:filled")) as readonly unknown[]).map(String);
      const closed = marks.filter((_, at) => at % 2 === 0).find((name) => name.endsWith(":until"));
      if (closed === undefined) return false;
      const opens = Number(marks[marks.indexOf(closed.replace(":until", "")) + 1]);
      const [seconds = 0, micros = 0] = ((await direct.send("TIME")) as readonly unknown[]).map((part) =>
        Number(String(part)),
      );
      return seconds * 1000 + micros / 1000 > opens;
    },
    { what: "the least time" },
  );
}

const unavailable = { reason: "LEDGER_UNAVAILABLE", retryable: true, extras: { retryAfterMs: 1000 } };

async function waitForAnswer(counters: Process, limit: Limit) {
  return waitFor(() => counters.reserve([claimOf(limit, 45n)], none).catch(() => undefined), {
    what: "the limit to open",
  });
}

// Mutant seen red: a limit that opens when its least time is over.
test("what was lost stays closed while the ledger of a process that lives is slow, and opens when it has answered", async () => {
  const limit = newLimit(100n);
  const { one, other, letGo } = await loseCounters(limit);
  // It hears of both, as each does of the others a few times in the time of a lease.
  const third = await startProcess("c", { used: 0n });
  await direct.send("FLUSHALL");
  const filling = other.fill([limit]);
  await one.fill([limit]);
  await third.fill([limit]);
  await waitForLeast();
  for (const each of [one, other, third]) {
    await expect(each.reserve([claimOf(limit, 1n)], none)).rejects.toMatchObject(unavailable);
  }
  letGo();
  await filling;
  expect(await waitForAnswer(one, limit)).toMatchObject({ kind: "refused", refusals: [{ settled: 90n }] });
  expect(await third.reserve([claimOf(limit, 10n)], none)).toMatchObject({ kind: "granted" });
});

// Mutant seen red: what a process has heard of others forgotten with the server.
test("what was lost does not wait for a ledger whose process is not heard of any more", async () => {
  const limit = newLimit(100n);
  const [seconds] = ((await direct.send("TIME")) as readonly unknown[]).map((part) => Number(String(part)));
  await direct.send("ZADD", "ep:{budgets}:ledgers", String(((seconds ?? 0) + 60) * 1000), "dead/process");
  const one = await startProcess("a", { used: 45n }, { leaseMs: 3_000, closure: { leastMs: 0, mostMs: 30_000 } });
  await one.fill([limit]);
  await direct.send("FLUSHALL");
  await one.fill([limit]);
  await expect(one.reserve([claimOf(limit, 45n)], none)).rejects.toMatchObject(unavailable);
  expect(await waitForAnswer(one, limit)).toMatchObject({ kind: "granted" });
});

// Mutant seen red: a limit that waits for as long as a ledger takes.
test("what was lost waits for a slow ledger no longer than the most, and counts what it has when it has answered", async () => {
  const limit = newLimit(100n);
  const { one, other, letGo } = await loseCounters(limit, { closure: { leastMs: 0, mostMs: 1_500 } });
  const third = await startProcess("c", { used: 0n });
  await direct.send("FLUSHALL");
  const filling = other.fill([limit]);
  await third.fill([limit]);
  await one.fill([limit]);
  await expect(one.reserve([claimOf(limit, 45n)], none)).rejects.toMatchObject(unavailable);
  expect(await waitForAnswer(one, limit)).toMatchObject({ kind: "granted", standings: [{ settled: 45n }] });
  letGo();
  await filling;
  expect(await other.reserve([claimOf(limit, 20n)], none)).toMatchObject({
    kind: "refused",
    refusals: [{ settled: 90n }],
  });
});

// Mutant seen red: a limit that waits for all that live to tell of it.
test("what was lost does not wait for a process that has told all and does not know the limit, nor for one that ends", async () => {
  const [limit, otherLimit] = [newLimit(100n), newLimit(100n)];
  const one = await startProcess("a", { used: 45n }, { closure: { leastMs: 0, mostMs: 30_000 } });
  const slow = Promise.withResolvers<void>();
  const ledger: Ledger = { used: 1n };
  const [ending, other] = [await startProcess("b", ledger), await startProcess("c", { used: 5n })];
  await Promise.all([one.fill([limit]), ending.fill([limit]), other.fill([otherLimit])]);
  ledger.ready = slow.promise;
  closing.unshift(async () => slow.resolve());
  const third = await startProcess("a", { used: 45n }, { closure: { leastMs: 0, mostMs: 30_000 } });
  await third.fill([limit]);
  await direct.send("FLUSHALL");
  await third.fill([limit]);
  await other.fill([otherLimit]);
  await expect(one.reserve([claimOf(limit, 1n)], none)).rejects.toMatchObject(unavailable);
  await ending.close();
  expect(await waitForAnswer(one, limit)).toMatchObject({ kind: "granted" });
});

// Mutant seen red: what could not be filled left to whoever reserves.
test("what a ledger could not tell at first is told as soon as it can, without a call at its process", async () => {
  const limit = newLimit(100n);
  const ledger: Ledger = { used: 45n, isAway: true };
  const counters = await startProcess("a", ledger);
  await counters.fill([limit]);
  ledger.isAway = false;
  const settled = await waitFor(async () => (await settledOf(counters, limit)) || undefined, { what: "what was used" });
  expect(settled).toBe(45n);
});
