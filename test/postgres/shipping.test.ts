import { cpSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { CostDimension } from "../../src/gen/execution/v1/costs_pb.js";
import type { LedgerStore } from "../../src/ledger/store.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { costQuery, pass } from "../ledger/store-suite.ts";
import { waitFor } from "../support/wait.ts";
import { openLossyLink } from "./lossy-link.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();

const FLUSH_MS = 60_000;

/** Passes so many attempts at once, each of 100 nano-USD. */
const passMany = (store: LedgerStore, count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => pass(store, attemptRow({ model: `m${index % 5}` }))));

const whole = (rows: number) => ({ rows, cost: rows * 100, summed: rows, summedCost: rows * 100 });

describe("rows that are sent to the database", () => {
  test("come from several gateways at once, and are summed up exactly", async () => {
    const database = postgres.ledgers.newDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => postgres.ledgers.open({ database })));
    await Promise.all(stores.map((store) => passMany(store, 1_500)));
    expect(await Promise.all(stores.map((store) => store.flushed(FLUSH_MS)))).toEqual([0, 0, 0]);
    const answers = await Promise.all(
      stores.map((store) => store.costs(costQuery({ groupBy: [CostDimension.MODEL] }))),
    );
    for (const { total, groups } of answers) {
      expect(total).toMatchObject({ attempts: 4_500n, costNanoUsd: 450_000n });
      expect(groups.map(({ attempts }) => attempts)).toEqual([900n, 900n, 900n, 900n, 900n]);
    }
    await Promise.all(stores.map((store) => store.close()));
    expect(postgres.ledgers.counts(database)).toEqual(whole(4_500));
    expect(postgres.ledgers.told).toEqual([]);
  });

  test("are seen by every gateway without its asking for them", async () => {
    const database = postgres.ledgers.newDatabase();
    const [one, other] = [await postgres.ledgers.open({ database }), await postgres.ledgers.open({ database })];
    await passMany(one, 3);
    await waitFor(() => postgres.ledgers.counts(database).rows === 3, { what: "the rows" });
    expect((await other.costs(costQuery())).total.attempts).toBe(3n);
    await passMany(other, 1);
    // What was settled here counts at once.
    expect((await other.costs(costQuery())).total.attempts).toBe(4n);
    await Promise.all([one.close(), other.close()]);
  });

  // Mutants seen red: the position is kept before the rows are put in; sums are added for rows that were there already, with the position not read again.
  test("are there once where the answer to a commit was lost", async () => {
    const database = postgres.ledgers.newDatabase();
    const link = await openLossyLink(postgres.server.port);
    const store = await postgres.ledgers.open({ database, settings: { port: link.port } });
    for (let round = 0; round < 3; round += 1) {
      link.loseAnswers(1);
      await passMany(store, 50);
      expect(await store.flushed(FLUSH_MS)).toBe(0);
    }
    await passMany(store, 7);
    await store.close();
    expect(link.lost()).toBe(3);
    await link.close();
    expect(postgres.ledgers.counts(database)).toEqual(whole(157));
  });

  test("are sent by the next process where one ended before", async () => {
    const database = postgres.ledgers.newDatabase();
    const directory = postgres.ledgers.newDirectory();
    const link = await openLossyLink(postgres.server.port);
    const first = await postgres.ledgers.open({ database, directory, settings: { port: link.port } });
    await link.close();
    await passMany(first, 20);
    // One that runs when the process ends is settled by the next as an estimate.
    const { usage: _usage, costNanoUsd: _cost, ...running } = attemptRow();
    await first.open(running);
    await first.close();
    expect(postgres.ledgers.told.at(-1)).toMatch(/^left behind: 2\d$/);
    const next = await postgres.ledgers.open({ database, directory });
    expect(next.recovered).toBe(1);
    expect(await next.flushed(FLUSH_MS)).toBe(0);
    await next.close();
    expect(postgres.ledgers.counts(database)).toEqual({ rows: 21, cost: 2_000, summed: 21, summedCost: 2_000 });
  });

  // Mutant seen red: the last row that the database has is not compared with the spool's.
  test("are all there, and once, where the spool is an older copy of itself", async () => {
    const database = postgres.ledgers.newDatabase();
    const [directory, copy] = [postgres.ledgers.newDirectory(), postgres.ledgers.newDirectory()];
    const first = await postgres.ledgers.open({ database, directory });
    await passMany(first, 10);
    await first.close();
    cpSync(directory, copy, { recursive: true });
    const second = await postgres.ledgers.open({ database, directory });
    await passMany(second, 10);
    await second.close();
    const restored = await postgres.ledgers.open({ database, directory: copy });
    await passMany(restored, 5);
    await restored.close();
    expect(postgres.ledgers.counts(database)).toEqual(whole(25));
    const again = await postgres.ledgers.open({ database, directory: copy });
    await passMany(again, 5);
    await again.close();
    expect(postgres.ledgers.counts(database)).toEqual(whole(30));
  });

  test("are sent again where the database is an older state of itself", async () => {
    const database = postgres.ledgers.newDatabase();
    const directory = postgres.ledgers.newDirectory();
    const first = await postgres.ledgers.open({ database, directory });
    await passMany(first, 10);
    await first.close();
    postgres.server.psql("postgres", `CREATE DATABASE ${database}_backup TEMPLATE ${database}`);
    const second = await postgres.ledgers.open({ database, directory });
    await passMany(second, 10);
    await second.close();
    const restored = await postgres.ledgers.open({ database: `${database}_backup`, directory });
    await passMany(restored, 1);
    await restored.close();
    expect(postgres.ledgers.counts(`${database}_backup`)).toEqual(whole(21));
  });

  test("may hold any text and any number", async () => {
    const database = postgres.ledgers.newDatabase();
    const store = await postgres.ledgers.open({ database });
    const text = "\0'\"\\; DROP TABLE attempts; --{}\u{1F600}\uFFFF";
    await pass(
      store,
      attemptRow({ endUserId: text, model: text, metadata: { [text]: text }, costNanoUsd: 2n ** 63n - 1n }),
    );
    await passMany(store, 1);
    const filter = { endUserId: text };
    const { groups } = await store.costs(costQuery({ groupBy: [CostDimension.MODEL], filter }));
    expect(groups).toMatchObject([{ group: [text.replace("\0", "\uFFFD")], costNanoUsd: 2n ** 63n - 1n }]);
    await store.close();
    expect(postgres.ledgers.counts(database).rows).toBe(2);
  });

  // Mutant seen red: `open` does not look at the bound.
  test("wait in the spool while the database is away, and when it is full nothing new begins until it is back", async () => {
    const database = postgres.ledgers.newDatabase();
    const link = await openLossyLink(postgres.server.port);
    const store = await postgres.ledgers.open({ database, maxSpoolRows: 1_000, settings: { port: link.port } });
    await link.close();
    await passMany(store, 1_000);
    expect(store.isWritable()).toBe(false);
    await expect(store.open(attemptRow())).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE" });
    await expect(store.costs(costQuery())).rejects.toMatchObject({ reason: "LEDGER_UNAVAILABLE" });
    expect(postgres.ledgers.told).toContainEqual(expect.stringContaining("ledger.max_spool_rows"));
    const back = await openLossyLink(postgres.server.port, link.port);
    await waitFor(() => store.isWritable(), { what: "the spool to empty", timeoutMs: FLUSH_MS });
    await passMany(store, 1);
    await store.close();
    await back.close();
    expect(postgres.ledgers.counts(database)).toEqual(whole(1_001));
  });
});
