import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
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

const none = { most: 0, least: 0 };

/** A ledger that has so much of any limit, and can be told to have more, or nothing to say. */
interface Ledger {
  used: bigint;
  isAway?: boolean;
}

/** A process on a ledger. */
async function startProcess(source: string, ledger: Ledger) {
  processes += 1;
  const options = { url: server.url, owner: `process-${processes}`, log: createLog("silent"), leaseMs: 10_000 };
  const counters = createRefilledCounters({
    counters: await createValkeyCounters({ ...options, source }),
    ledger: {
      costs: async ({ filter }) => {
        if (ledger.isAway === true) throw new Error("away");
        const total = group([], ledger.used);
        return { groups: [group([filter?.key ?? ""], ledger.used)], total, hasMore: false };
      },
    },
    nowMs: Date.now,
    wait: async () => undefined,
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
