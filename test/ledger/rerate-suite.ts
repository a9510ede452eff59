import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CostDimension } from "../../src/gen/execution/v1/costs_pb.js";
import { Billed } from "../../src/gen/execution/v1/usage_pb.js";
import type { RatedRow, Rerated } from "../../src/ledger/rerate.ts";
import type { AttemptRow, CostQuery, LedgerStore } from "../../src/ledger/store.ts";
import type { RerateWindow } from "../../src/ledger/stores/sqlite/rerating.ts";
import { attemptRow } from "./attempt-row.ts";
import { costQuery } from "./store-suite.ts";

export const NOON = Date.UTC(2026, 10, 26, 12);
const DAY_MS = 86_400_000;

/** What a row, or a sum, costs: nano-USD, as text, since what has no cost is empty. */
export type Cost = string;

/** A ledger that is priced anew. */
export interface RerateRig {
  /** Opens it as a process does. */
  open(metadataKeys?: readonly string[]): Promise<LedgerStore>;
  rerate(decide: (row: RatedRow) => Rerated, window: RerateWindow, write: boolean): Promise<void>;
  /** Cost and version of prices of each row, by the id of its attempt. */
  rows(): readonly (readonly [attemptId: string, cost: Cost, version: string])[];
  /** What is kept of what was before, by the ids of attempts: run, cost and version before, cost now. */
  rerated(): readonly (readonly [run: string, attemptId: string, cost: Cost, version: string, now: Cost])[];
  /** Metadata and cost of the sums of a day that keep everything apart, by metadata. */
  sumsByMetadata(): readonly (readonly [metadata: string, cost: Cost])[];
  close(): Promise<void>;
}

/** Reads a ledger as the rig does, with whatever answers its queries with texts: tables and columns are the same in files and in a database. */
export function readingsOf(
  select: (query: string) => readonly (readonly string[])[],
): Pick<RerateRig, "rows" | "rerated" | "sumsByMetadata"> {
  return {
    rows: () => select("SELECT attempt_id, cost_nano_usd, price_version FROM attempts ORDER BY 1") as never,
    rerated: () =>
      select(
        "SELECT run, attempt_id, old_cost_nano_usd, old_price_version, new_cost_nano_usd FROM rerated ORDER BY 2",
      ) as never,
    sumsByMetadata: () =>
      select(
        "SELECT l.metadata, s.cost_nano_usd FROM sums s JOIN labels l ON l.id = s.label WHERE s.level = 0 AND s.grain = 2 ORDER BY 1",
      ) as never,
  };
}

/** Rows that were changed to a cost. */
export const to = (costNanoUsd: bigint): Rerated => ({ outcome: "changed", costNanoUsd, priceVersion: "v2" });
/** Before and after everything. */
export const WHOLE: RerateWindow = { fromMs: 0, toMs: NOON + 2 * DAY_MS };

/** Settles rows in a process's time: closing the store brings its roll-ups up to date. */
export async function settle(
  { open }: Pick<RerateRig, "open">,
  rows: readonly Partial<AttemptRow>[],
  metadataKeys?: readonly string[],
): Promise<void> {
  const store = await open(metadataKeys);
  for (const row of rows) await store.settle(attemptRow(row));
  await store.close();
}

/** Group, cost and unpriced attempts of an answer, by group. */
export async function costsOf(
  { open }: Pick<RerateRig, "open">,
  query: Partial<CostQuery>,
): Promise<readonly (readonly [group: string, cost: bigint, unpriced: bigint])[]> {
  const store = await open();
  const { groups } = await store.costs(costQuery({ endMs: Date.UTC(2026, 10, 28), ...query }));
  await store.close();
  return groups
    .map(({ group, costNanoUsd, unpricedAttempts }) => [group.join(" "), costNanoUsd, unpricedAttempts] as const)
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * What pricing anew must do in every ledger that keeps its rows. Mutants seen red in files and in PostgreSQL: one level or grain of the roll-ups not corrected; an
 * unpriced row that gets a price left among the unpriced; no transaction; free and refused rows priced; the window's end included; a label of other metadata
 * corrected.
 */
export function describeRerating(name: string, create: () => Promise<RerateRig>): void {
  describe(`pricing anew ${name}`, () => {
    let rig: RerateRig;
    beforeEach(async () => {
      rig = await create();
    });
    afterEach(() => rig.close());
    const settleMany = async (count: number, endedAtMs: (index: number) => number): Promise<void> => {
      const store = await rig.open();
      const rows = Array.from({ length: count }, (_, index) => attemptRow({ endedAtMs: endedAtMs(index) }));
      await Promise.all(rows.map((row) => store.settle(row)));
      await store.close();
    };
    const rerate = (decide: (row: RatedRow) => Rerated, write = true, window = WHOLE): Promise<void> =>
      rig.rerate(decide, window, write);

    test("changes rows and every sum that has them, and keeps what was before", async () => {
      const { costNanoUsd: _, ...unpriced } = attemptRow({ model: "n", priceVersion: "" });
      const store = await rig.open();
      await store.settle(attemptRow({ attemptId: "a", key: "k1", endUserId: "u" }));
      await store.settle(attemptRow({ attemptId: "b", endedAtMs: NOON + DAY_MS }));
      await store.settle({ ...unpriced, attemptId: "c" });
      await store.close();
      await rerate(({ model, endedAtMs }) =>
        model === "n" ? to(7n) : endedAtMs === NOON ? to(30n) : { outcome: "same" },
      );
      expect(rig.rows()).toEqual([
        ["a", "30", "v2"],
        ["b", "100", "v1"],
        ["c", "7", "v2"],
      ]);
      const { MODEL, KEY, DAY, MINUTE, HOUR, END_USER, PERSONA } = CostDimension;
      const costs = (groupBy: readonly CostDimension[]) => costsOf(rig, { groupBy });
      expect(await costs([])).toEqual([["", 137n, 0n]]);
      expect(await costs([MODEL])).toEqual([
        ["m", 130n, 0n],
        ["n", 7n, 0n],
      ]);
      expect(await costs([PERSONA, DAY])).toEqual([
        ["default 2026-11-26", 37n, 0n],
        ["default 2026-11-27", 100n, 0n],
      ]);
      expect((await costs([KEY])).map(([, cost]) => cost)).toEqual([107n, 30n]);
      expect((await costs([END_USER, HOUR])).map(([, cost]) => cost)).toEqual([7n, 100n, 30n]);
      expect((await costs([END_USER, MINUTE])).map(([, cost]) => cost)).toEqual([7n, 100n, 30n]);
      expect(rig.rerated()).toEqual([
        ["1", "a", "100", "v1", "30"],
        ["1", "c", "", "", "7"],
      ]);
    });

    test("tells what a row is priced by", async () => {
      await settle(rig, [{}]);
      const seen: RatedRow[] = [];
      await rerate((row) => {
        seen.push(row);
        return { outcome: "same" };
      }, false);
      const usage = { inputTotal: 10, outputTotal: 5 };
      const at = { startedAtMs: NOON - 1000, endedAtMs: NOON };
      expect(seen).toMatchObject([{ provider: "near", model: "m", ...at, costNanoUsd: 100n, usage }]);
    });

    test("finds the sums of metadata that was declared then", async () => {
      const metadata = { team: "blue", trace: "1" };
      await settle(rig, [{ metadata }], ["team"]);
      await settle(rig, [{ metadata: { ...metadata, team: "red" } }], ["team"]);
      await settle(rig, [{ metadata: { trace: "2" } }], ["team"]);
      await rerate(({ costNanoUsd = 0n }) => to(costNanoUsd - 70n));
      expect(rig.sumsByMetadata()).toEqual([
        ["", "30"],
        ['{"team":"blue"}', "30"],
        ['{"team":"red"}', "30"],
      ]);
    });

    test("leaves alone what is outside of the window, what nobody billed, and what was free", async () => {
      await settle(rig, [
        { attemptId: "a", endedAtMs: NOON - 1 },
        { attemptId: "b" },
        { attemptId: "c", endedAtMs: NOON + 1 },
        { attemptId: "d", billed: Billed.NO },
        { attemptId: "e", costNanoUsd: 0n, priceVersion: "" },
      ]);
      await rerate(() => to(1n), true, { fromMs: NOON, toMs: NOON + 1 });
      expect(rig.rows()).toEqual([
        ["a", "100", "v1"],
        ["b", "1", "v2"],
        ["c", "100", "v1"],
        ["d", "100", "v1"],
        ["e", "0", ""],
      ]);
    });

    test("changes nothing unless it is to write, nor if anything goes wrong on the way", async () => {
      // More than are read at once, so that some have been changed when it goes wrong.
      await settleMany(4_500, () => NOON);
      await rerate(() => to(1n), false);
      let seen = 0;
      const decide = (): Rerated => {
        seen += 1;
        if (seen === 4_500) throw new Error("planted");
        return to(1n);
      };
      await expect(rerate(decide)).rejects.toThrow("planted");
      expect(new Set(rig.rows().map(([, cost, version]) => `${cost} ${version}`))).toEqual(new Set(["100 v1"]));
      expect(await costsOf(rig, { groupBy: [] })).toEqual([["", 450_000n, 0n]]);
      await rerate(() => to(1n));
      expect(await costsOf(rig, { groupBy: [] })).toEqual([["", 4_500n, 0n]]);
      expect(new Set(rig.rerated().map(([run]) => run))).toEqual(new Set(["1"]));
    });

    // Mutants seen red: the first page alone read; in a database, rows of one moment passed over where a page ends among them.
    test("reaches every row, however many ended at one moment", async () => {
      await settleMany(4_500, (index) => NOON + Math.floor(index / 3_000));
      await rerate(() => to(1n));
      expect(new Set(rig.rows().map(([, cost, version]) => `${cost} ${version}`))).toEqual(new Set(["1 v2"]));
      expect(await costsOf(rig, { groupBy: [] })).toEqual([["", 4_500n, 0n]]);
    });
  });
}
