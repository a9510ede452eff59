import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AttemptQuery, AttemptRow, LedgerStore, SettledAttempt } from "../../src/ledger/store.ts";
import { attemptRow } from "./attempt-row.ts";
import { pass } from "./store-suite.ts";

const NOON = Date.UTC(2026, 10, 26, 12);

/** All attempts of 2026, in one page. */
export function attemptQuery(overrides: Partial<AttemptQuery> = {}): AttemptQuery {
  return { startMs: Date.UTC(2026, 0), endMs: Date.UTC(2027, 0), filter: {}, limit: 1_000, ...overrides };
}

/** All attempts of a query, page by page to its end; each page is at most as long as was asked for. */
export async function readAll(
  store: Pick<LedgerStore, "attempts">,
  overrides: Partial<AttemptQuery> = {},
): Promise<readonly SettledAttempt[]> {
  const query = attemptQuery(overrides);
  const read: SettledAttempt[] = [];
  for (let pages = 0, { after } = query; pages < 100; pages += 1) {
    const { attempts, next } = await store.attempts({ ...query, ...(after === undefined ? {} : { after }) });
    expect(attempts.length).toBeLessThanOrEqual(query.limit);
    read.push(...attempts);
    if (next === undefined) return read;
    after = next;
  }
  throw new Error("the pages come to no end");
}

/**
 * What every store of the ledger that keeps rows must do. `open` makes an empty one; the suite closes it.
 *
 * Mutants seen red in files and in PostgreSQL: the filter, the window's start or its end not looked at; a page that begins after the next row. In files: metadata not
 * looked at. In PostgreSQL: rows after a position found by their ends alone; an empty value wanted as a pair alone; metadata compared as text alone, and names that
 * look like the end of a text searched for.
 */
export function describeAttempts(name: string, open: () => Promise<LedgerStore>): void {
  describe(`the attempts of the ledger store ${name}`, () => {
    let store: LedgerStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const keep = async (...rows: readonly Partial<AttemptRow>[]): Promise<void> => {
      for (const row of rows) await pass(store, attemptRow(row));
    };
    const idsOf = async (query: Partial<AttemptQuery>): Promise<readonly string[]> =>
      (await readAll(store, query)).map(({ attemptId }) => attemptId).toSorted();

    test("say all that their rows do, and nothing of what is not known", async () => {
      const row = attemptRow({ metadata: { team: "blue", call: '\u0000"1' }, costNanoUsd: 2n ** 63n - 1n, step: 2 });
      const { usage: _usage, ...said } = row;
      const { usage: _none, costNanoUsd: _cost, ...bare } = attemptRow({ startedAtMs: NOON, endedAtMs: NOON + 1 });
      await store.settle(row);
      await store.settle(bare);
      const tokens = { inputTokens: 10n, outputTokens: 5n, cacheReadTokens: 4n, reasoningTokens: 2n };
      expect(await readAll(store)).toEqual([{ ...said, ...tokens }, bare]);
    });

    test("come in pages that have each once, in the order of one page, be it that many have ended at once", async () => {
      expect(await store.attempts(attemptQuery())).toEqual({ attempts: [] });
      const ids = Array.from({ length: 13 }, (_, index) => `a${String(index).padStart(2, "0")}`);
      for (const [index, attemptId] of ids.entries())
        await keep({ attemptId, endedAtMs: NOON + Math.floor(index / 5), tenant: `t${index % 3}` });
      const whole = await readAll(store);
      expect(whole.map(({ attemptId }) => attemptId)).toEqual(ids);
      for (const limit of [1, 2, 5, 13]) expect(await readAll(store, { limit })).toEqual(whole);
      const wanted = whole.filter(({ tenant }) => tenant === "t1");
      expect(wanted).toHaveLength(4);
      expect(await readAll(store, { limit: 2, filter: { tenant: "t1" } })).toEqual(wanted);
    });

    test("are those that end in the window, its end excluded", async () => {
      const ends = { early: NOON - 1, first: NOON, last: NOON + 59_999, late: NOON + 60_000 };
      for (const [attemptId, endedAtMs] of Object.entries(ends)) await keep({ attemptId, endedAtMs });
      expect(await idsOf({ startMs: NOON, endMs: NOON + 60_000, limit: 1 })).toEqual(["first", "last"]);
    });

    test.each(["tenant", "key", "persona", "provider", "model", "endUserId"] as const)(
      "are filtered by %s",
      async (field) => {
        const evil = "' OR true; --";
        await keep({ attemptId: "0", [field]: "this" }, { [field]: "that" }, { attemptId: "2", [field]: evil });
        expect(await idsOf({ filter: { [field]: "this" } })).toEqual(["0"]);
        expect(await idsOf({ filter: { [field]: evil }, limit: 1 })).toEqual(["2"]);
        expect(await idsOf({ filter: { [field]: "thi" } })).toEqual([]);
      },
    );

    test("are filtered by metadata, without which a value is empty", async () => {
      const metadata = [
        { team: "blue", call: '"1"' },
        { team: "red" },
        { project: "blue" },
        {},
        { team: "", project: "x" },
        { note: '{"team":"blue"}', project: ',"team":"blue"' },
        { 'x"team': "blue", "\\": ",", project: "team" },
        { team: "\u0000", call: "," },
        { team: 'ü😀"\\', project: "blue" },
        { 1: "a,", ":": "w" },
        { ",": ":" },
      ];
      for (const [index, each] of metadata.entries()) await keep({ attemptId: `${index}`, metadata: each });
      const wanted = async (pairs: Readonly<Record<string, string>>) =>
        (await idsOf({ filter: { metadata: pairs }, limit: 2 })).join("");
      expect(await wanted({ team: "blue" })).toBe("0");
      expect(await wanted({ team: "" })).toBe("10234569");
      expect(await wanted({ team: "", project: "blue" })).toBe("2");
      expect(await wanted({ team: "\u0000" })).toBe("7");
      expect(await wanted({ team: 'ü😀"\\' })).toBe("8");
      expect(await wanted({ project: "blue" })).toBe("28");
      expect(await wanted({ team: "blu" })).toBe("");
      expect(await wanted({ ",": ":" })).toBe("10");
      expect(await wanted({ ",": "" })).toBe("0123456789");
    });
  });
}
