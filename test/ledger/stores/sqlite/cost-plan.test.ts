import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { AttemptRow, CostFilter } from "../../../../src/ledger/store.ts";
import { createPlanner } from "../../../../src/ledger/stores/sqlite/cost-plan.ts";
import { segmentSql } from "../../../../src/ledger/stores/sqlite/cost-sql.ts";
import { asksForMetadata, labelsIn } from "../../../../src/ledger/stores/sqlite/fold-rows.ts";
import { DAY, GRAINS_MS, HOUR, MINUTE } from "../../../../src/ledger/stores/sqlite/levels.ts";
import { settleOperation } from "../../../../src/ledger/stores/sqlite/wire.ts";
import { LEDGER_FILE } from "../../../../src/ledger/stores/sqlite/writer.ts";
import { attemptRow } from "../../attempt-row.ts";
import { anyQuery, anyRow } from "../../counted-costs.ts";
import { openWriter, temporaryDirectory } from "./rig.ts";

const [minuteMs, hourMs, dayMs] = GRAINS_MS;
const noon = Date.UTC(2026, 10, 26, 12);

/** Asks a ledger that has the sums of these rows. */
function withSums<Answer>(rows: readonly Partial<AttemptRow>[], ask: (db: DatabaseSync) => Answer): Answer {
  const directory = temporaryDirectory();
  const writer = openWriter(directory);
  writer.commit(rows.map((row) => settleOperation(attemptRow(row))));
  while (writer.rollUp());
  const db = new DatabaseSync(join(directory, LEDGER_FILE), { readOnly: true });
  try {
    return ask(db);
  } finally {
    db.close();
    writer.close();
  }
}

const wanted = (filter: CostFilter, periodMs: number | undefined) => ({
  labels: [],
  hasMetadata: false,
  periodMs,
  filter,
});
const week = { grain: MINUTE, from: noon / minuteMs - 7 * 1440, to: noon / minuteMs + 1 };

// Mutants seen red: whoever asks for a key or an end user looks labels up; the labels are not counted; the sums are counted of all periods; nothing is ever looked up.
test("sums are looked up where that is less than reading everybody's", () => {
  const users = Array.from({ length: 300 }, (_, index) => ({ key: "k", endUserId: `u${index}`, endedAtMs: noon }));
  const others = Array.from({ length: 300 }, (_, index) => ({ key: `l${index}`, endedAtMs: noon - index * minuteMs }));
  withSums([...users, ...others], (db) => {
    const plans = (filter: CostFilter, segment: typeof week) =>
      new Set(createPlanner(db, wanted(filter, undefined))(segment).map(({ plan }) => plan));
    const minutes = (count: number) => ({ grain: MINUTE, from: noon / minuteMs - count + 1, to: noon / minuteMs + 1 });
    // 10,081 minutes of one label are more than the 600 sums that there are, and 100 minutes of one fewer than the 399 in them.
    expect(plans({ endUserId: "u7" }, week)).toEqual(new Set(["scan"]));
    expect(plans({ endUserId: "u7" }, minutes(100))).toEqual(new Set(["lookUp"]));
    // Of 300 labels, two minutes are more than the 302 sums in them, and one is not more than its 301.
    expect(plans({ endUserId: "" }, minutes(2))).toEqual(new Set(["scan"]));
    expect(plans({ endUserId: "" }, minutes(1))).toEqual(new Set(["lookUp"]));
    expect(plans({ key: "l7" }, minutes(100))).toEqual(new Set(["lookUp"]));
    // Who wants many labels looks nothing up.
    expect(plans({ tenant: "acme" }, minutes(1))).toEqual(new Set(["scan"]));
  });
});

// Mutants seen red: the parts are of one period too many; nothing is parted.
test("periods of many labels that are told apart are read in parts, each once", () => {
  const users = Array.from({ length: 300 }, (_, index) => ({ key: "k", endUserId: `u${index}`, endedAtMs: noon }));
  withSums(users, (db) => {
    const parts = (filter: CostFilter, periodMs: number | undefined) =>
      createPlanner(db, { ...wanted(filter, periodMs), labels: ["endUserId"] })(week).map(({ segment }) => segment);
    for (const filter of [{ key: "k" }, {}]) {
      const found = parts(filter, minuteMs);
      expect(found.length).toBe(29);
      expect(found.at(0)?.from).toBe(week.from);
      expect(found.at(-1)?.to).toBe(week.to);
      for (const [index, { from }] of found.slice(1).entries()) expect(from).toBe(found[index]?.to);
    }
    expect(parts({ key: "k" }, undefined)).toEqual([week]);
    expect(parts({ endUserId: "u7" }, minuteMs)).toEqual([week]);
  });
});

// Mutant seen red: the labels are a table of the join, which is read anew for each period.
test("labels are found once, however many periods they are looked up in", () => {
  withSums([], (db) => {
    const { text, values } = segmentSql(week, wanted({ endUserId: "u7" }, minuteMs), "lookUp");
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...values);
    const [materialize] = steps.filter(({ detail }) => detail === "MATERIALIZE found");
    const reads = steps.filter(({ detail }) => /\bl USING\b.* INDEX/.test(String(detail)));
    expect(reads.map(({ parent }) => parent)).toEqual([materialize?.id]);
  });
});

// Mutants seen red: the labels are found without the filter; the last period is not looked up.
test("both plans find the same, whatever is asked for", () => {
  const rows = fc.array(anyRow, { maxLength: 30 });
  const queries = fc.array(anyQuery, { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(rows, queries, (kept, asked) =>
      withSums(kept, (db) => {
        for (const query of asked) {
          for (const [grain, lengthMs] of [
            [MINUTE, minuteMs],
            [HOUR, hourMs],
            [DAY, dayMs],
          ] as const) {
            const segment = {
              grain,
              from: Math.floor(query.startMs / lengthMs),
              to: Math.ceil(query.endMs / lengthMs),
            };
            const sums = {
              ...wanted(query.filter, lengthMs),
              labels: labelsIn(query.groupBy),
              hasMetadata: asksForMetadata(query),
            };
            const [scanned, lookedUp] = (["scan", "lookUp"] as const).map((plan) => {
              const { text, values } = segmentSql(segment, sums, plan);
              return db.prepare(text).all(...values);
            });
            expect(lookedUp).toEqual(scanned);
          }
        }
      }),
    ),
    { numRuns: 10 },
  );
});
