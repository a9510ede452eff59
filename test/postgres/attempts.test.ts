import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { LedgerStore } from "../../src/ledger/store.ts";
import { rerateDatabase } from "../../src/ledger/stores/postgres/rerating.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { attemptQuery, readAll } from "../ledger/attempt-suite.ts";
import { to, WHOLE } from "../ledger/rerate-suite.ts";
import { pass } from "../ledger/store-suite.ts";
import { waitFor } from "../support/wait.ts";
import { openLossyLink } from "./lossy-link.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();

const NOON = Date.UTC(2026, 10, 26, 12);
const idsOf = async (...query: Parameters<typeof readAll>) =>
  (await readAll(...query)).map(({ attemptId }) => attemptId);

describe("attempts that several gateways have made", () => {
  // Mutant seen red: those of the gateway's own spool are given.
  test("are given by each of them, all of them, by their ends, and once over pages of two", async () => {
    const database = postgres.ledgers.newDatabase();
    const stores = await Promise.all([1, 2].map(() => postgres.ledgers.open({ database })));
    // Three at a time end at once, of either gateway.
    const ids = Array.from({ length: 20 }, (_, index) => `a${String(index).padStart(2, "0")}`);
    for (const [index, attemptId] of [...ids.entries()].toReversed())
      await pass(stores[index % 2] as LedgerStore, attemptRow({ attemptId, endedAtMs: NOON + Math.floor(index / 3) }));
    await waitFor(() => postgres.ledgers.counts(database).rows === ids.length, { what: "the rows" });
    for (const store of stores) {
      expect(await idsOf(store)).toEqual(ids);
      expect(await idsOf(store, { limit: 2 })).toEqual(ids);
    }
    await Promise.all(stores.map((store) => store.close()));
  });

  // Mutant seen red: nothing is waited for.
  test("have those that were settled at once at the gateway that is asked", async () => {
    const store = await postgres.ledgers.open({ database: postgres.ledgers.newDatabase() });
    await Promise.all(Array.from({ length: 300 }, () => pass(store, attemptRow())));
    expect(await readAll(store)).toHaveLength(300);
    await store.close();
  });

  test("have the price that they were priced anew at", async () => {
    const database = postgres.ledgers.newDatabase();
    const store = await postgres.ledgers.open({ database });
    await pass(store, attemptRow());
    expect(await store.flushed(60_000)).toBe(0);
    await rerateDatabase(postgres.server.settings(database), WHOLE, () => to(7n), { write: true, nowMs: NOON });
    expect(await readAll(store)).toMatchObject([{ costNanoUsd: 7n, priceVersion: "v2" }]);
    await store.close();
  });

  // Mutants seen red: all rows are looked at for one page; a page that goes on after the row behind the last one that was looked at.
  test("are looked at 20,000 for a page, which may have none and yet not be the last", async () => {
    const database = postgres.ledgers.newDatabase();
    const store = await postgres.ledgers.open({ database });
    postgres.server.psql(
      database,
      `INSERT INTO execution_platform.attempts (attempt_id, stream_id, request_id, tenant, key, persona, end_user_id, metadata, step, attempt, provider, kind,
         model, started_at_ms, price_version, billed, outcome, reason, ended_at_ms)
       SELECT 'a' || to_char(i, 'FM00000'), '', '', CASE WHEN i % 20000 < 2 THEN 'rare' ELSE 'often' END, '', '', '', '', 0, 0, '', '',
         '', 0, '', 1, 1, '', ${NOON} + i / 7 FROM generate_series(1, 40001) AS i`,
    );
    const first = await store.attempts(attemptQuery({ filter: { tenant: "nobody" } }));
    expect(first).toEqual({ attempts: [], next: expect.any(String) });
    expect(await idsOf(store, { filter: { tenant: "rare" } })).toEqual([
      "a00001",
      "a20000",
      "a20001",
      "a40000",
      "a40001",
    ]);
    expect(await idsOf(store, { filter: { tenant: "nobody" } })).toEqual([]);
    const all = await idsOf(store, { limit: 15_000 });
    expect([all.length, new Set(all).size]).toEqual([40_001, 40_001]);
    expect(all).toEqual(all.toSorted());
    await store.close();
  });
});

describe("attempts that are asked for while they cannot all be given", () => {
  // Mutants seen red: what is not sent is not looked at; it is looked at for later pages too.
  test("are refused while the database takes no rows, be it that it gives them, and a listing that has begun goes on", async () => {
    const database = postgres.ledgers.newDatabase();
    const store = await postgres.ledgers.open({ database });
    for (const attemptId of ["a", "b", "c"]) await pass(store, attemptRow({ attemptId }));
    const { next = "" } = await store.attempts(attemptQuery({ limit: 1 }));
    const other = new pg.Client({ ...postgres.server.settings(database), ssl: false });
    await other.connect();
    try {
      await other.query("BEGIN; LOCK TABLE execution_platform.attempts IN SHARE MODE");
      await pass(store, attemptRow({ attemptId: "d" }));
      await expect(store.attempts(attemptQuery())).rejects.toMatchObject({
        reason: "LEDGER_UNAVAILABLE",
        message: expect.stringContaining("has not all rows yet"),
      });
      expect(await idsOf(store, { after: next })).toEqual(["b", "c"]);
    } finally {
      await other.end();
    }
    expect(await store.flushed(60_000)).toBe(0);
    expect(await idsOf(store)).toEqual(["a", "b", "c", "d"]);
    await store.close();
  });

  test("are refused while the database is away, and in the midst of a listing too", async () => {
    const link = await openLossyLink(postgres.server.port);
    const store = await postgres.ledgers.open({
      database: postgres.ledgers.newDatabase(),
      settings: { port: link.port },
    });
    for (const attemptId of ["a", "b", "c"]) await pass(store, attemptRow({ attemptId }));
    const { next = "" } = await store.attempts(attemptQuery({ limit: 1 }));
    await link.close();
    const unavailable = { reason: "LEDGER_UNAVAILABLE" };
    await expect(store.attempts(attemptQuery())).rejects.toMatchObject(unavailable);
    await expect(store.attempts(attemptQuery({ after: next }))).rejects.toMatchObject(unavailable);
    const back = await openLossyLink(postgres.server.port, link.port);
    expect(await idsOf(store, { after: next })).toEqual(["b", "c"]);
    const asked = store.attempts(attemptQuery({ after: next })).catch((thrown: unknown) => thrown);
    await store.close();
    await asked;
    await back.close();
    await expect(store.attempts(attemptQuery({ after: next }))).rejects.toMatchObject(unavailable);
  });
});
