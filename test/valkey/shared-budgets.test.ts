import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type BudgetBook, createBudgetBook, keptBudgets } from "../../src/ledger/budgets/book.ts";
import { createLimitRegistry } from "../../src/ledger/budgets/registry.ts";
import { createSharedBudgets } from "../../src/ledger/budgets/valkey/shared-budgets.ts";
import type { RecordStore } from "../../src/ledger/records.ts";
import { createMemoryRecords } from "../../src/ledger/stores/memory-records.ts";
import type { Limit } from "../../src/limit.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey, type Valkey } from "../../src/valkey.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let direct: Valkey;
let words = 0;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startValkeyServer();
  direct = await connectValkey(server.url, createLog("silent"));
});

beforeEach(() => direct.send("FLUSHALL"));

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await direct.close();
  await server.stop();
});

const limit: Limit = { scope: "tenant", value: "t", window: "day", unit: "requests", amount: 5n, mode: "hard" };
const by = { name: "t/k", atMs: 7 };
const terms = (amount: bigint) => ({ amount, description: "", isPlatforms: false });
const ready = async (): Promise<void> => undefined;

/** A process that shares its budgets, on a ledger. */
async function startProcess(own: RecordStore = createMemoryRecords(), everyMs = 20) {
  const shared = await createSharedBudgets({
    ...{ url: server.url, log: createLog("silent"), own, everyMs },
    newId: () => {
      words += 1;
      return `word ${words}`;
    },
  });
  const registry = createLimitRegistry();
  const book = createBudgetBook({ records: shared, kept: await keptBudgets(shared), registry, limits: [] });
  shared.follow(() => book.renew());
  closing.push(() => shared.close());
  return { book, registry, own, close: () => shared.close() };
}

const seen = (book: BudgetBook): readonly (readonly [string, number, bigint])[] =>
  book.all().map(({ id, version, limit: { amount } }) => [id, version, amount]);

/** Waits until a process has just these. */
const untilSeen = (book: BudgetBook, wanted: ReturnType<typeof seen>) =>
  waitFor(() => JSON.stringify(seen(book), digits) === JSON.stringify(wanted, digits), { what: "the budgets" });

function digits(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

// Mutants seen red: nobody looks for what others have changed; a change that leaves the revision as it was.
test("a budget that one process makes, changes and takes away is so at its peers, in force and in their ledgers, with its versions", async () => {
  const [one, other] = [await startProcess(), await startProcess()];
  await one.book.create("b", limit, terms(5n), by, ready);
  await untilSeen(other.book, [["b", 1, 5n]]);
  expect(other.registry.all()).toEqual([limit]);
  await other.book.change("b", 1, () => terms(6n), by);
  await one.book.renew();
  await one.book.change("b", 2, () => terms(7n), by);
  await untilSeen(other.book, [["b", 3, 7n]]);
  expect(await other.own.all("budget")).toMatchObject([{ id: "b", version: 3, changedBy: "t/k", changedAtMs: 7 }]);
  await other.book.remove("b", 3, () => undefined, by);
  await untilSeen(one.book, []);
  expect([one.registry.all(), await one.own.all("budget")]).toEqual([[], []]);
});

// Mutant seen red: a version that the server does not compare.
test("of two processes that change one version, one is told of the conflict, and both have what the other wrote", async () => {
  const [one, other] = [await startProcess(), await startProcess()];
  await one.book.create("b", limit, terms(5n), by, ready);
  await untilSeen(other.book, [["b", 1, 5n]]);
  const written = await Promise.allSettled([
    one.book.change("b", 1, () => terms(10n), by),
    other.book.change("b", 1, () => terms(20n), by),
  ]);
  expect(written.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(written.find(({ status }) => status === "rejected")).toMatchObject({ reason: { reason: "VERSION_CONFLICT" } });
  const amount = written[0]?.status === "fulfilled" ? 10n : 20n;
  for (const { book } of [one, other]) await untilSeen(book, [["b", 2, amount]]);
});

// Mutant seen red: no index of what budgets limit.
test("of two processes that make a budget of one limit, one makes it", async () => {
  const [one, other] = [await startProcess(), await startProcess()];
  const made = await Promise.allSettled([
    one.book.create("b", limit, terms(5n), by, ready),
    other.book.create("c", limit, terms(6n), by, ready),
  ]);
  expect(made.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await one.book.renew();
  await other.book.renew();
  expect(seen(one.book)).toEqual(seen(other.book));
  expect(seen(one.book)).toHaveLength(1);
});

// Mutants seen red: a version compared with what this process has seen alone; a budget that a peer has just made told as a conflict of versions.
test("what a peer has made or changed just now is known to whoever makes or changes it next, before anybody looks", async () => {
  const [one, other] = [await startProcess(undefined, 60_000), await startProcess(undefined, 60_000)];
  await one.book.create("b", limit, terms(5n), by, ready);
  await expect(other.book.create("c", limit, terms(6n), by, ready)).rejects.toMatchObject({
    reason: "BUDGET_EXISTS",
    message: "there is such a budget already: b; change that one",
  });
  await other.book.change("b", 1, () => terms(7n), by);
  await expect(one.book.change("b", 1, () => terms(8n), by)).rejects.toMatchObject({ reason: "VERSION_CONFLICT" });
  await one.book.change("b", 2, () => terms(9n), by);
  await other.book.remove("b", 3, () => undefined, by);
  await expect(one.book.change("b", 4, () => terms(1n), by)).rejects.toMatchObject({ reason: "BUDGET_NOT_FOUND" });
});

// Mutant seen red: nothing offered to a server that has lost what it had.
test("what the server has lost it is given again, with the newest versions, and nothing that was taken away", async () => {
  const [one, other] = [await startProcess(), await startProcess()];
  await one.book.create("gone", { ...limit, value: "u" }, terms(1n), by, ready);
  await one.book.remove("gone", 1, () => undefined, by);
  await one.book.create("b", limit, terms(5n), by, ready);
  await one.book.change("b", 1, () => terms(6n), by);
  await untilSeen(other.book, [["b", 2, 6n]]);
  await direct.send("FLUSHALL");
  await waitFor(async () => (await direct.send("HGET", "ep:{budgets}:kept", "b")) !== null, { what: "the budget" });
  await other.book.change("b", 2, () => terms(8n), by);
  await untilSeen(one.book, [["b", 3, 8n]]);
});

// Mutant seen red: what was taken away forgotten at the server.
test("a process that was away while budgets were changed has them, and no others, at its start", async () => {
  const [one, other] = [await startProcess(), await startProcess()];
  await one.book.create("b", limit, terms(5n), by, ready);
  await one.book.create("c", { ...limit, value: "u" }, terms(5n), by, ready);
  for (const { book } of [other]) await waitFor(() => seen(book).length === 2, { what: "the budgets" });
  await other.close();
  await one.book.remove("b", 1, () => undefined, by);
  for (const version of [1, 2]) await one.book.change("c", version, () => terms(9n), by);
  const again = await startProcess(other.own);
  expect(seen(again.book)).toEqual([["c", 3, 9n]]);
  expect(await again.own.all("budget")).toMatchObject([{ id: "c", version: 3 }]);
});
