import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CostDimension } from "../../../../src/gen/execution/v1/costs_pb.js";
import { Billed } from "../../../../src/gen/execution/v1/usage_pb.js";
import type { RatedRow, Rerated } from "../../../../src/ledger/rerate.ts";
import type { AttemptRow, CostQuery } from "../../../../src/ledger/store.ts";
import { rerateLedger } from "../../../../src/ledger/stores/sqlite/rerating.ts";
import { openSqliteStore } from "../../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { attemptRow } from "../../attempt-row.ts";
import { costQuery } from "../../store-suite.ts";

/*
 * Mutants seen red: one level or grain of the roll-ups not corrected; corrected for rows that are in none; an unpriced row that gets a price left among
 * the unpriced; no transaction; free and refused rows priced; the window's end included; a label of other metadata corrected.
 */

const noon = Date.UTC(2026, 10, 26, 12);
const days = (count: number): number => count * 86_400_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ledger-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (metadataKeys: readonly string[] = []) =>
  openSqliteStore({
    directory,
    retention: { rowsMs: days(100_000), minutesMs: days(100_000), hoursMs: days(100_000) },
    metadataKeys,
    isSpool: false,
    onChange: () => undefined,
  });

/** Settles rows in a process's time: closing the store brings its roll-ups up to date. */
async function settle(rows: readonly Partial<AttemptRow>[], metadataKeys?: readonly string[]): Promise<void> {
  const store = await open(metadataKeys);
  for (const row of rows) await store.settle(attemptRow(row));
  await store.close();
}

async function costs(
  query: Partial<CostQuery>,
): Promise<readonly (readonly [group: string, cost: bigint, unpriced: bigint])[]> {
  const store = await open();
  const { groups } = await store.costs(costQuery({ endMs: Date.UTC(2026, 10, 28), ...query }));
  await store.close();
  return groups
    .map(({ group, costNanoUsd, unpricedAttempts }) => [group.join(" "), costNanoUsd, unpricedAttempts] as const)
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
}

const whole = { fromMs: 0, toMs: noon + days(2) };
const to = (costNanoUsd: bigint): Rerated => ({ outcome: "changed", costNanoUsd, priceVersion: "v2" });
const rerate = (decide: (row: RatedRow) => Rerated, write = true, window = whole): void =>
  rerateLedger(directory, window, decide, { write, nowMs: noon });

const rows = (): readonly unknown[] => {
  const db = new DatabaseSync(join(directory, "ledger.db"), { readOnly: true });
  const found = db.prepare("SELECT cost_nano_usd, price_version FROM attempts ORDER BY seq").all();
  db.close();
  return found.map((row) => [row.cost_nano_usd, row.price_version]);
};

describe("pricing a ledger anew", () => {
  test("changes rows and every sum that has them, and keeps what was before", async () => {
    const { costNanoUsd: _, ...unpriced } = attemptRow({ model: "n", priceVersion: "" });
    await settle([
      { attemptId: "a", key: "k1", endUserId: "u" },
      { attemptId: "b", endedAtMs: noon + days(1) },
    ]);
    const store = await open();
    await store.settle({ ...unpriced, attemptId: "c" });
    await store.close();
    rerate(({ model, endedAtMs }) => (model === "n" ? to(7n) : endedAtMs === noon ? to(30n) : { outcome: "same" }));
    expect(rows()).toEqual([
      [30, "v2"],
      [100, "v1"],
      [7, "v2"],
    ]);
    const { MODEL, KEY, DAY, MINUTE, HOUR, END_USER, PERSONA } = CostDimension;
    expect(await costs({ groupBy: [] })).toEqual([["", 137n, 0n]]);
    expect(await costs({ groupBy: [MODEL] })).toEqual([
      ["m", 130n, 0n],
      ["n", 7n, 0n],
    ]);
    expect(await costs({ groupBy: [PERSONA, DAY] })).toEqual([
      ["default 2026-11-26", 37n, 0n],
      ["default 2026-11-27", 100n, 0n],
    ]);
    expect((await costs({ groupBy: [KEY] })).map(([, cost]) => cost)).toEqual([107n, 30n]);
    expect((await costs({ groupBy: [END_USER, HOUR] })).map(([, cost]) => cost)).toEqual([7n, 100n, 30n]);
    expect((await costs({ groupBy: [END_USER, MINUTE] })).map(([, cost]) => cost)).toEqual([7n, 100n, 30n]);
    const db = new DatabaseSync(join(directory, "ledger.db"), { readOnly: true });
    const before = db
      .prepare("SELECT run, attempt_id, old_cost_nano_usd, old_price_version, new_cost_nano_usd FROM rerated")
      .all();
    db.close();
    expect(before.map((row) => Object.values(row))).toEqual([
      [1, "a", 100, "v1", 30],
      [1, "c", null, "", 7],
    ]);
  });

  test("reaches rows that are in no roll-up yet, once", async () => {
    await settle([{}]);
    const db = new DatabaseSync(join(directory, "ledger.db"));
    db.exec("DELETE FROM sums; UPDATE meta SET value = 0 WHERE name = 'rolled_up'");
    db.close();
    rerate(() => to(30n));
    expect(await costs({ groupBy: [] })).toEqual([["", 30n, 0n]]);
  });

  test("finds the sums of metadata that was declared then", async () => {
    const metadata = { team: "blue", trace: "1" };
    await settle([{ metadata }], ["team"]);
    await settle([{ metadata: { ...metadata, team: "red" } }], ["team"]);
    rerate(() => to(30n));
    const db = new DatabaseSync(join(directory, "ledger.db"), { readOnly: true });
    const sums = db
      .prepare(
        "SELECT l.metadata, s.cost_nano_usd AS cost FROM sums s JOIN labels l ON l.id = s.label WHERE s.level = 0 AND s.grain = 2 ORDER BY 1",
      )
      .all();
    db.close();
    expect(sums.map((row) => Object.values(row))).toEqual([
      ['{"team":"blue"}', 30],
      ['{"team":"red"}', 30],
    ]);
  });

  test("leaves alone what is outside of the window, what nobody billed, and what was free", async () => {
    await settle([
      { endedAtMs: noon - 1 },
      { endedAtMs: noon },
      { endedAtMs: noon + 1 },
      { billed: Billed.NO },
      { costNanoUsd: 0n, priceVersion: "" },
    ]);
    rerate(() => to(1n), true, { fromMs: noon, toMs: noon + 1 });
    expect(rows()).toEqual([
      [100, "v1"],
      [1, "v2"],
      [100, "v1"],
      [100, "v1"],
      [0, ""],
    ]);
  });

  test("changes nothing unless it is to write, nor if anything goes wrong on the way", async () => {
    await settle([{}, {}]);
    rerate(() => to(1n), false);
    let seen = 0;
    const decide = (): Rerated => {
      seen += 1;
      if (seen === 2) throw new Error("planted");
      return to(1n);
    };
    expect(() => rerate(decide)).toThrow("planted");
    expect(rows()).toEqual([
      [100, "v1"],
      [100, "v1"],
    ]);
    expect(await costs({ groupBy: [] })).toEqual([["", 200n, 0n]]);
    rerate(() => to(1n));
    expect(await costs({ groupBy: [] })).toEqual([["", 2n, 0n]]);
  });

  test("only reads beside a process that has the ledger, and is refused there if it is to write", async () => {
    const store = await open();
    await store.settle(attemptRow());
    const seen: RatedRow[] = [];
    const decide = (row: RatedRow): Rerated => {
      seen.push(row);
      return to(1n);
    };
    rerate(decide, false);
    expect(seen).toMatchObject([
      { provider: "near", model: "m", costNanoUsd: 100n, usage: { inputTotal: 10, outputTotal: 5 } },
    ]);
    expect(() => rerate(decide)).toThrow("another process keeps its ledger");
    await store.close();
    expect(() => rerateLedger(join(directory, "none"), whole, decide, { write: true, nowMs: noon })).toThrow(
      "there is no ledger",
    );
  });
});
