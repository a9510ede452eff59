import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { createCleaner } from "../../../../src/ledger/stores/sqlite/retention.ts";
import { migrate } from "../../../../src/ledger/stores/sqlite/schema.ts";
import { days } from "./rig.ts";

const noon = Date.UTC(2026, 10, 26, 12);

/** A cleaner over rows, of which only the ends count, in the order in which they were settled; a row is looked at whenever its end is. */
function rig(ends: readonly number[]) {
  const db = new DatabaseSync(":memory:");
  const looks = { count: 0 };
  db.function("looked_at", { deterministic: true }, (end) => {
    looks.count += 1;
    return end;
  });
  migrate(db, "of a test");
  db.exec(`DROP TABLE attempts;
    CREATE TABLE attempts (seq INTEGER PRIMARY KEY, end INTEGER NOT NULL, ended_at_ms INTEGER GENERATED ALWAYS AS (looked_at(end)) VIRTUAL)`);
  const insert = db.prepare("INSERT INTO attempts (end) VALUES (?)");
  db.exec("BEGIN");
  for (const end of ends) insert.run(end);
  db.exec(`UPDATE meta SET value = ${ends.length} WHERE name = 'rolled_up'; COMMIT`);
  looks.count = 0;
  const cleaner = createCleaner(db, { rowsMs: days(30), minutesMs: days(7), hoursMs: days(90) });
  return {
    looks,
    clean: (nowMs: number): void => {
      while (cleaner.step(nowMs));
    },
    left: () =>
      db
        .prepare("SELECT end, count(*) AS count FROM attempts GROUP BY end ORDER BY min(seq)")
        .all()
        .map(({ end, count }) => [Number(end), Number(count)]),
  };
}

const rows = (count: number, end: number): readonly number[] => Array<number>(count).fill(end);

describe("rows that were settled while the clock was ahead", () => {
  const ahead = noon + days(365);
  const old = noon - days(31);

  // Mutants seen red: the oldest rows alone are looked at; only as far as the double of a step; from the one that was found on, without those before it.
  test.each([1, 499, 500, 600, 5000])("keep none that came after them (%i)", (count) => {
    const { clean, left } = rig([...rows(3, old), ...rows(count, ahead), ...rows(2 * count + 700, old), noon]);
    clean(noon);
    // The ones before them fill no step, and so the rest goes at the next look.
    clean(noon);
    expect(left()).toEqual([
      [ahead, count],
      [noon, 1],
    ]);
    clean(ahead + days(30) + 1);
    expect(left()).toEqual([]);
  });
});

// Mutant seen red: all rows are looked at for those that are too old.
test("where nothing is too old, a few of however many rows are looked at", () => {
  const { clean, left, looks } = rig(rows(20_000, noon));
  clean(noon);
  expect(left()).toEqual([[noon, 20_000]]);
  expect(looks.count).toBeLessThan(600);
});
