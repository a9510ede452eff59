import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { CounterStore } from "../../src/ledger/budgets/counter-store.ts";
import { createValkeyCounters } from "../../src/ledger/budgets/valkey/valkey-counters.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey } from "../../src/valkey.ts";
import { claimOf, describeCounterStore, newLimit } from "../ledger/budgets/counter-suite.ts";
import { expectMaximumHoldsNobodyBack } from "../router/budgets/high-maximum.ts";
import { openLink } from "../support/switchable-link.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let processes = 0;

beforeAll(async () => {
  server = await startValkeyServer();
});

afterAll(async () => {
  await server.stop();
});

const open = (leaseMs = 10_000, url = server.url): Promise<CounterStore> => {
  processes += 1;
  return createValkeyCounters({ url, owner: `process-${processes}`, log: createLog("silent"), leaseMs });
};

const none = { most: 0, least: 0 };

describeCounterStore("counters in Valkey or Redis", open);

describe("processes", () => {
  // Mutant seen red: counters by process.
  test("count together: of a crowd in four of them no more get through than there is room for", async () => {
    const stores = await Promise.all([open(), open(), open(), open()]);
    const claim = claimOf(newLimit(1_000_000_000n), 100_000_000n);
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, call) => stores[call % 4]?.reserve([claim], none)),
    );
    expect(answers.filter((answer) => answer?.kind === "granted")).toHaveLength(10);
    await Promise.all(stores.map((store) => store.close()));
  });

  // Mutants seen red: leases without an end; what a dead process held given back.
  test("that die leave their slots free, and what they may have spent counted, as soon as their leases are over", async () => {
    const [dead, alive] = [await open(300), await open(300)];
    const slot = claimOf(newLimit(1n, { window: "now", unit: "concurrent" }), 1n);
    const money = claimOf(newLimit(1000n), 100n, 1n);
    await dead.reserve([slot, money], { most: 200, least: 200 });
    const mine = claimOf(newLimit(10n), 5n);
    const kept = await alive.reserve([mine], none);
    await dead.close();
    expect((await alive.reserve([slot], none)).kind).toBe("refused");
    await waitFor(async () => (await alive.peek(slot)).reserved === 0n, { what: "the end of the lease" });
    expect(await alive.peek(money)).toMatchObject({ settled: 300n, reserved: 0n });
    expect((await alive.reserve([slot], none)).kind).toBe("granted");
    expect(await alive.peek(mine)).toMatchObject({ settled: 0n, reserved: 5n });
    if (kept.kind === "granted") await alive.settle(kept.reservation, [1n]);
    expect(await alive.peek(mine)).toMatchObject({ settled: 1n, reserved: 0n });
    await alive.close();
  });

  test("that were silent for too long and live go on with what they held", async () => {
    const link = await openLink(Number(new URL(server.url).port));
    const [silent, peer] = [await open(200, `redis://127.0.0.1:${link.port}`), await open()];
    const limits = [
      claimOf(newLimit(1000n), 100n, 1n),
      claimOf(newLimit(3n, { window: "now", unit: "concurrent" }), 1n),
    ];
    const taken = await silent.reserve(limits, { most: 10, least: 10 });
    if (taken.kind === "refused") throw new Error("refused");
    const [money, slot] = limits;
    if (money === undefined || slot === undefined) throw new Error("no claims");
    await link.cut();
    await waitFor(async () => (await peer.peek(money)).settled === 110n, { what: "the end of the lease" });
    await link.restore();
    const more = { most: 40, least: 40 };
    const extended = await waitFor(() => silent.extend(taken.reservation, more).catch(() => undefined), {
      what: "the server",
    });
    expect(extended).toMatchObject({ kind: "granted", units: 40 });
    expect(await peer.peek(money)).toMatchObject({ settled: 0n, reserved: 150n });
    expect(await peer.peek(slot)).toMatchObject({ settled: 0n, reserved: 1n });
    await silent.settle(taken.reservation, [120n, 0n]);
    expect(await peer.peek(money)).toMatchObject({ settled: 120n, reserved: 0n });
    expect(await peer.peek(slot)).toMatchObject({ settled: 0n, reserved: 0n });
    await Promise.all([silent.close(), peer.close()]);
    await link.cut();
  });

  // Mutant seen red: what it held taken from what the new window has counted.
  test("that were silent from one window to the next take nothing from what others used in the new one", async () => {
    const direct = await connectValkey(server.url, createLog("error"));
    const [silent, peer] = [await open(), await open()];
    const claim = claimOf(newLimit(1000n, { window: "hour" }), 100n, 1n);
    const taken = await silent.reserve([claim], { most: 10, least: 10 });
    if (taken.kind === "refused") throw new Error("refused");
    await direct.send("SET", "ep:{budgets}:clock", `${Date.now() + 3_600_000}.0 ${Date.now()}`);
    await peer.add(claim, 50n);
    await silent.settle(taken.reservation, [120n]);
    expect(await peer.peek(claim)).toMatchObject({ settled: 50n, reserved: 0n });
    await direct.send("DEL", "ep:{budgets}:clock");
    await Promise.all([silent.close(), peer.close(), direct.close()]);
  });

  // Mutant seen red: a lease that the server has lost is one that has ended, of which all that it held is counted as used.
  test.each([0, 40])(
    "whose leases the server has lost count all that they use, and take nothing from what others did (%i more)",
    async (units) => {
      const direct = await connectValkey(server.url, createLog("error"));
      const store = await open();
      const claims = [
        claimOf(newLimit(1000n), 100n, 1n),
        claimOf(newLimit(3n, { window: "now", unit: "concurrent" }), 1n),
      ];
      const [money, slot] = claims;
      const taken = await store.reserve(claims, { most: 10, least: 10 });
      if (taken.kind === "refused" || money === undefined || slot === undefined) throw new Error("refused");
      await direct.send("FLUSHALL");
      await store.add(money, 500n);
      if (units > 0) {
        expect(await store.extend(taken.reservation, { most: units, least: units })).toMatchObject({ kind: "granted" });
        expect(await store.peek(money)).toMatchObject({ settled: 500n, reserved: 150n });
        expect(await store.peek(slot)).toMatchObject({ settled: 0n, reserved: 1n });
      }
      await store.settle(taken.reservation, [120n, 0n]);
      expect(await store.peek(money)).toMatchObject({ settled: 620n, reserved: 0n });
      expect(await store.peek(slot)).toMatchObject({ settled: 0n, reserved: 0n });
      await Promise.all([store.close(), direct.close()]);
    },
  );
});

// Mutants seen red: all that a caller allows reserved at once; all of it asked for when the first 512 tokens are used.
test("a stream on a metered model is not held back by what callers would allow at most", async () => {
  const store = await open();
  await expectMaximumHoldsNobodyBack(store);
  await store.close();
});

describe("a window at the server", () => {
  test.each(["minute", "hour", "day", "month"] as const)("of a %s ends when the calendar says", async (window) => {
    const store = await open();
    const claim = claimOf(newLimit(1n, { window, unit: "requests" }), 1n);
    await store.reserve([claim], none);
    const before = Date.now();
    const answer = await store.reserve([claim], none);
    const endMs = before + (answer.kind === "refused" ? (answer.refusals[0]?.retryAfterMs ?? 0) : 0);
    const end = new Date(Math.round(endMs / 60_000) * 60_000).toISOString();
    expect(Math.abs(endMs - Date.parse(end))).toBeLessThan(5000);
    expect(end).toMatch(
      { minute: /:00\.000Z$/, hour: /:00:00\.000Z$/, day: /T00:00:00/, month: /-01T00:00:00/ }[window],
    );
    await store.close();
  });
});

// Mutant seen red: the window by the clock of whoever asks.
test("who asks is told the server's window, which may not be that of its own clock", async () => {
  const store = await open();
  const direct = await connectValkey(server.url, createLog("error"));
  const claim = claimOf(newLimit(10n, { window: "month" }), 1n);
  const month = Date.UTC(2100, 1);
  await direct.send("SET", "ep:{budgets}:clock", `${month}.0 ${Date.now()}`);
  const taken = await store.reserve([claim], none);
  if (taken.kind === "refused") throw new Error("refused");
  expect(taken.standings).toMatchObject([{ windowStartMs: month }]);
  expect(await store.settle(taken.reservation, [1n])).toMatchObject([{ windowStartMs: month, settled: 1n }]);
  expect(await store.peek(claim)).toMatchObject({ windowStartMs: month, settled: 1n });
  await direct.send("DEL", "ep:{budgets}:clock");
  await Promise.all([store.close(), direct.close()]);
});

// Mutants seen red: a time that stands still until the server's clock has come up; one that goes back with it.
test("a server's clock that was set forward and back opens no window twice, and none stands still", async () => {
  const store = await open();
  const direct = await connectValkey(server.url, createLog("error"));
  const time = async (): Promise<number> => Number.parseFloat(String(await direct.send("GET", "ep:{budgets}:clock")));
  const claim = claimOf(newLimit(1n), 1n);
  const ahead = Date.now() + 3_600_000;
  await direct.send("SET", "ep:{budgets}:clock", `${ahead}.0 ${Date.now()}`);
  await store.peek(claim);
  const before = await time();
  expect(before).toBeGreaterThanOrEqual(ahead);
  await waitFor(async () => (await store.peek(claim)) && (await time()) > before + 20, { what: "time to pass" });
  await direct.send("DEL", "ep:{budgets}:clock");
  await Promise.all([store.close(), direct.close()]);
});

describe("a server that cannot be reached", () => {
  test("is told as LEDGER_UNAVAILABLE at once, and counts on when it is back", async () => {
    const link = await openLink(Number(new URL(server.url).port));
    const store = await open(10_000, `redis://127.0.0.1:${link.port}`);
    const claim = claimOf(newLimit(10n), 4n);
    await store.reserve([claim], none);
    await link.cut();
    await expect(store.reserve([claim], none)).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE", retryable: true });
    await link.restore();
    await waitFor(async () => (await store.reserve([claim], none).catch(() => undefined))?.kind === "granted", {
      what: "the server",
    });
    expect(await store.peek(claim)).toMatchObject({ reserved: 8n });
    await store.close();
    await link.cut();
  });
});
