import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { unknownUsage } from "../../src/contract/usage.ts";
import { CostDimension } from "../../src/gen/execution/v1/costs_pb.js";
import { Billed } from "../../src/gen/execution/v1/usage_pb.js";
import type { AttemptRow, CostGroup, CostPosition, CostQuery, CostSums, LedgerStore } from "../../src/ledger/store.ts";
import { attemptRow } from "./attempt-row.ts";
import { anyQuery, anyRow, countedCosts } from "./counted-costs.ts";

const noon = Date.UTC(2026, 10, 26, 12);
const minuteMs = 60_000;

/** Enters an attempt and settles it, as the router does. */
export async function pass(store: LedgerStore, row: AttemptRow): Promise<void> {
  const { usage: _usage, costNanoUsd: _cost, ...attempt } = row;
  await store.open(attempt);
  await store.settle(row);
}

/** Everything of 26 November 2026, in one group. */
export function costQuery(overrides: Partial<CostQuery> = {}): CostQuery {
  const day = { startMs: Date.UTC(2026, 10, 26), endMs: Date.UTC(2026, 10, 27) };
  return { ...day, groupBy: [], filter: {}, limit: 1000, ...overrides };
}

/** The metadata that a store of the suite keeps apart. */
export const SUITE_METADATA_KEYS: readonly string[] = ["team", "project"];

/**
 * What every store of the ledger must do. `open` makes an empty one that keeps `SUITE_METADATA_KEYS` apart; the suite closes it.
 *
 * Mutants seen red with the store in memory: a row that comes twice is counted twice; the window's end is inclusive; a filter is not looked at;
 * `calls` counts attempts; a row without a cost counts as one of 0; a refused attempt counts as unpriced; the total is that of the page; the
 * page begins with the last group of the page before; sums that pass an int64; groups are ordered by cost before time.
 */
export function describeLedgerStore(name: string, open: () => Promise<LedgerStore>, runs = 30): void {
  describe(`the ledger store ${name}`, () => {
    let store: LedgerStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const keep = async (...rows: readonly Partial<AttemptRow>[]): Promise<void> => {
      for (const row of rows) await pass(store, attemptRow(row));
    };
    const groups = async (query: Partial<CostQuery>) => (await store.costs(costQuery(query))).groups;
    const names = async (query: Partial<CostQuery>) => (await groups(query)).map(({ group }) => group.join(" "));

    test("sums rows up once they are appended", async () => {
      await keep({}, { attempt: 1 });
      const sums = {
        calls: 1n,
        attempts: 2n,
        inputTokens: 20n,
        outputTokens: 10n,
        cacheReadTokens: 8n,
        reasoningTokens: 4n,
        costNanoUsd: 200n,
        unpricedAttempts: 0n,
      };
      expect(await store.costs(costQuery())).toEqual({ groups: [{ group: [], ...sums }], total: sums, hasMore: false });
    });

    test("has no group where nothing was used", async () => {
      const { groups: found, total } = await store.costs(costQuery({ groupBy: [CostDimension.MODEL] }));
      expect(found).toEqual([]);
      expect(total).toMatchObject({ attempts: 0n, costNanoUsd: 0n });
    });

    test("counts a row once, however often it comes", async () => {
      const row = attemptRow();
      await store.settle(row);
      await store.settle({ ...row });
      expect((await store.costs(costQuery())).total).toMatchObject({ attempts: 1n, costNanoUsd: 100n });
    });

    test("tells what is not priced from what is free and from what was refused", async () => {
      const { costNanoUsd: _cost, usage: _usage, ...bare } = attemptRow();
      await store.settle(bare);
      await store.settle({ ...bare, attemptId: "unknown", billed: Billed.UNKNOWN });
      await keep({ costNanoUsd: 0n }, { costNanoUsd: 0n, billed: Billed.NO });
      await store.settle({ ...bare, attemptId: "refused", billed: Billed.NO });
      expect((await store.costs(costQuery())).total).toMatchObject({
        attempts: 5n,
        unpricedAttempts: 2n,
        costNanoUsd: 0n,
      });
    });

    test("finds the rows that end in the window, its end excluded", async () => {
      await keep(
        { endedAtMs: noon - 1 },
        { endedAtMs: noon },
        { endedAtMs: noon + minuteMs - 1 },
        { endedAtMs: noon + minuteMs },
      );
      const { total } = await store.costs(costQuery({ startMs: noon, endMs: noon + minuteMs }));
      expect(total.attempts).toBe(2n);
    });

    test("groups by every dimension, in the order asked for", async () => {
      await keep({ tenant: "a", key: "k", persona: "p", provider: "q", model: "m", endUserId: "u" });
      const { COST_DIMENSIONS, expected } = everyDimension;
      const [found] = await groups({ groupBy: COST_DIMENSIONS });
      expect(found?.group).toEqual(expected);
      expect(await names({ groupBy: [CostDimension.MODEL, CostDimension.TENANT] })).toEqual(["m a"]);
    });

    test("keeps values apart that look alike when joined", async () => {
      await keep(
        { provider: "a", model: "b,c" },
        { provider: "a,b", model: "c" },
        { provider: 'a"', model: "" },
        { provider: "__proto__" },
      );
      expect(await groups({ groupBy: [CostDimension.PROVIDER, CostDimension.MODEL] })).toHaveLength(4);
    });

    test.each(["tenant", "key", "persona", "provider", "model", "endUserId"] as const)(
      "filters by %s",
      async (field) => {
        await keep({ [field]: "this" }, { [field]: "that" }, { [field]: "" });
        expect((await store.costs(costQuery({ filter: { [field]: "this" } }))).total.attempts).toBe(1n);
        expect((await store.costs(costQuery({ filter: { [field]: "thi" } }))).total.attempts).toBe(0n);
      },
    );

    // Mutants seen red: a level without metadata is read; the filter is not looked at.
    test("groups and filters by declared metadata, without which a value is empty", async () => {
      await keep(
        { metadata: { team: "blue", project: "x", call: "1" }, costNanoUsd: 5n },
        { metadata: { project: "x", call: "2", team: "blue" }, costNanoUsd: 4n, endUserId: "u" },
        { metadata: { team: "red", project: "blue" }, costNanoUsd: 3n },
        { metadata: { project: "y" }, costNanoUsd: 2n },
        { costNanoUsd: 1n },
      );
      const byTeam = { groupBy: [CostDimension.METADATA], metadataKey: "team" };
      expect((await groups(byTeam)).map(({ group, costNanoUsd }) => [group[0], costNanoUsd])).toEqual([
        ["blue", 9n],
        ["", 3n],
        ["red", 3n],
      ]);
      expect(await names({ ...byTeam, groupBy: [CostDimension.DAY, CostDimension.METADATA] })).toEqual([
        "2026-11-26 blue",
        "2026-11-26 ",
        "2026-11-26 red",
      ]);
      expect(await names({ ...byTeam, metadataKey: "project", filter: { metadata: { team: "blue" } } })).toEqual(["x"]);
      const costOf = async (filter: CostQuery["filter"]) =>
        (await store.costs(costQuery({ filter }))).total.costNanoUsd;
      expect(await costOf({ metadata: { team: "blue" } })).toBe(9n);
      expect(await costOf({ metadata: { team: "blue", project: "y" } })).toBe(0n);
      expect(await costOf({ metadata: { team: "" } })).toBe(3n);
      expect(await costOf({ metadata: { team: "", project: "y" } })).toBe(2n);
      expect(await costOf({ endUserId: "u", metadata: { team: "blue" } })).toBe(4n);
    });

    test("tells metadata apart whatever is in it", async () => {
      const odd = ['{"team":"blue"}', "\u0000", '"', "(other", "__proto__", "ü😀"];
      for (const team of odd) await keep({ metadata: { team } });
      const found = await names({ groupBy: [CostDimension.METADATA], metadataKey: "team" });
      expect(found).toEqual([...odd].sort());
    });

    test("lists the most expensive first, and by time first where times are asked for", async () => {
      const hour = 3_600_000;
      await keep(
        { model: "cheap", costNanoUsd: 1n },
        { model: "dear", costNanoUsd: 9n, endedAtMs: noon + hour },
        { model: "b", costNanoUsd: 5n },
        { model: "a", costNanoUsd: 5n },
      );
      expect(await names({ groupBy: [CostDimension.MODEL] })).toEqual(["dear", "a", "b", "cheap"]);
      expect(await names({ groupBy: [CostDimension.MODEL, CostDimension.HOUR] })).toEqual([
        "a 2026-11-26T12:00:00Z",
        "b 2026-11-26T12:00:00Z",
        "cheap 2026-11-26T12:00:00Z",
        "dear 2026-11-26T13:00:00Z",
      ]);
    });

    test("gives a listing in pages that have every group once, and the same total on each", async () => {
      const groupBy = [CostDimension.MODEL, CostDimension.MINUTE];
      for (let index = 0; index < 25; index += 1) {
        await keep({
          model: `m${index % 7}`,
          endedAtMs: noon + (index % 3) * minuteMs,
          costNanoUsd: BigInt(index % 4),
        });
      }
      const whole = await store.costs(costQuery({ groupBy }));
      const read: CostGroup[] = [];
      let after: CostPosition | undefined;
      for (let pages = 0; pages < 30; pages += 1) {
        const page = await store.costs(costQuery({ groupBy, limit: 2, ...(after === undefined ? {} : { after }) }));
        expect(page.total).toEqual(whole.total);
        read.push(...page.groups);
        after = page.groups.at(-1);
        if (!page.hasMore) break;
      }
      expect(read).toEqual(whole.groups);
    });

    // Mutants seen red in SQLite and in memory: `maxGroups` is not looked at; as many as there may be are too many.
    test("tells no groups of a question that has more than it may have", async () => {
      await keep({ model: "a" }, { model: "b" }, { model: "b" }, { model: "c" });
      const groupBy = [CostDimension.MODEL];
      const all = await store.costs(costQuery({ groupBy }));
      expect(await store.costs(costQuery({ groupBy, maxGroups: 3, limit: 3 }))).toEqual(all);
      const { groups: found, isTooLarge } = await store.costs(costQuery({ groupBy, maxGroups: 2, limit: 1 }));
      expect({ found, isTooLarge }).toEqual({ found: [], isTooLarge: true });
    });

    test("takes appends that overlap", async () => {
      await Promise.all(Array.from({ length: 50 }, () => store.settle(attemptRow())));
      expect((await store.costs(costQuery())).total.attempts).toBe(50n);
    });

    test("loses no digit of large sums", async () => {
      await keep(
        { costNanoUsd: 2n ** 62n },
        { costNanoUsd: 1n },
        { usage: { ...unknownUsage(), inputTotal: 0xffffffff } },
      );
      expect((await store.costs(costQuery())).total).toMatchObject({
        costNanoUsd: 2n ** 62n + 101n,
        inputTokens: 10n + 10n + 4_294_967_295n,
      });
    });

    test("keeps every sum within an int64, where it stands still", async () => {
      const most = 2n ** 63n - 1n;
      await keep({ costNanoUsd: most }, { costNanoUsd: most, model: "other" }, { costNanoUsd: 1n });
      const answer = await store.costs(costQuery({ groupBy: [CostDimension.MODEL] }));
      expect(answer.groups.map(({ costNanoUsd }) => costNanoUsd)).toEqual([most, most]);
      expect(answer.total.costNanoUsd).toBe(most);
    });

    /*
     * Mutants seen red in the stores with roll-ups: a level that is chosen without a filter's labels; a level without the rows of one; a segment of
     * the window left out; and the tail of rows that are in no roll-up yet without its filter.
     */
    test("agrees with the rows added up one by one, whatever they are, and are grouped and filtered by", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyRow, { maxLength: 30 }),
          fc.array(anyQuery, { minLength: 10, maxLength: 10 }),
          async (kept, queries) => {
            const own = await open();
            const rows = kept.map((row) => attemptRow(row));
            for (const row of rows) await own.settle(row);
            for (const query of queries) {
              const { groups: found, total } = await own.costs(query);
              const counted = countedCosts(rows, query);
              expect(new Map(found.map((each) => [each.group.join(" | "), figuresOf(each)]))).toEqual(counted);
              const all = countedCosts(rows, { ...query, groupBy: [] }).get("") ?? [0n, 0n, 0n];
              expect(figuresOf(total)).toEqual(all);
            }
            await own.close();
          },
        ),
        { numRuns: runs },
      );
    });
  });
}

function figuresOf({ costNanoUsd, attempts, calls }: CostSums): readonly [bigint, bigint, bigint] {
  return [costNanoUsd, attempts, calls];
}

/** Every dimension there is, and the values of a row at noon. */
const everyDimension = {
  COST_DIMENSIONS: [
    CostDimension.TENANT,
    CostDimension.KEY,
    CostDimension.PERSONA,
    CostDimension.PROVIDER,
    CostDimension.MODEL,
    CostDimension.END_USER,
    CostDimension.MINUTE,
    CostDimension.HOUR,
    CostDimension.DAY,
    CostDimension.MONTH,
  ],
  expected: ["a", "k", "p", "q", "m", "u", "2026-11-26T12:00:00Z", "2026-11-26T12:00:00Z", "2026-11-26", "2026-11"],
};
