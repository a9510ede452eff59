import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { isTime, noSums } from "../../cost-groups.ts";
import type { CostAnswer, CostQuery } from "../../store.ts";
import { createPlanner } from "./cost-plan.ts";
import { type SumsWanted, segmentSql, tailSql } from "./cost-sql.ts";
import { asksForMetadata, foldRows, labelsIn } from "./fold-rows.ts";
import { DAY, GRAINS_MS } from "./levels.ts";
import { grainOf, type Kept, keptWindow, segmentsOf } from "./segments.ts";

/** Answers a query: from the roll-ups, and for what was settled after them from the rows, all as of one moment. */
export function readCosts(db: DatabaseSync, query: CostQuery): CostAnswer {
  db.exec("BEGIN");
  try {
    return answer(db, query);
  } finally {
    db.exec("COMMIT");
  }
}

function answer(db: DatabaseSync, query: CostQuery): CostAnswer {
  const { kept, rolledUp } = readMeta(db);
  const { groupBy, filter } = query;
  const window = keptWindow(within(query, readSpan(db, rolledUp)), kept);
  const grain = grainOf(groupBy);
  const labels = labelsIn(groupBy);
  const periodMs = groupBy.some(isTime) ? (GRAINS_MS[grain] ?? GRAINS_MS[DAY]) : undefined;
  const wanted: SumsWanted = { labels, hasMetadata: asksForMetadata(query), periodMs, filter };
  if (!(window.startMs < window.endMs)) return { groups: [], total: noSums(), hasMore: false };
  const plansOf = createPlanner(db, wanted);
  const statements = [
    ...segmentsOf(window, grain, kept)
      .flatMap((segment) => plansOf(segment))
      .map(({ segment, plan }) => segmentSql(segment, wanted, plan)),
    tailSql(wanted, window.startMs, window.endMs, rolledUp),
  ];
  return foldRows(
    statements.values().flatMap(({ text, values }) => {
      const statement = db.prepare(text);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      // With arrays wanted, rows are arrays; the types do not know.
      return statement.iterate(...values) as Iterator<unknown> as IteratorObject<readonly SQLOutputValue[]>;
    }),
    query,
  );
}

/** From the first to the last day there is anything of, in milliseconds, so that a window of millennia is no more work than one of years. */
function readSpan(db: DatabaseSync, rolledUp: number): Pick<CostQuery, "startMs" | "endMs"> {
  const days = "FROM sums WHERE grain = 2 AND level = 3";
  const span = db
    .prepare(
      `SELECT (SELECT min(period) ${days}) AS firstDay, (SELECT max(period) ${days}) AS lastDay,
         (SELECT min(ended_at_ms) FROM attempts WHERE seq > ${rolledUp}) AS first, (SELECT max(ended_at_ms) FROM attempts WHERE seq > ${rolledUp}) AS last`,
    )
    .get();
  const dayMs = GRAINS_MS[DAY];
  const times = [
    span?.firstDay == null ? [] : [Number(span.firstDay) * dayMs, (Number(span.lastDay) + 1) * dayMs],
    span?.first == null ? [] : [Number(span.first), Number(span.last) + 1],
  ].flat();
  return { startMs: Math.min(...times), endMs: Math.max(...times) };
}

/** The window without what is before and after all there is, in whole minutes. */
export function within(
  query: CostQuery,
  span: Pick<CostQuery, "startMs" | "endMs">,
): Pick<CostQuery, "startMs" | "endMs"> {
  const minuteMs = GRAINS_MS[0];
  return {
    startMs: Math.max(query.startMs, Math.floor(span.startMs / minuteMs) * minuteMs),
    endMs: Math.min(query.endMs, Math.ceil(span.endMs / minuteMs) * minuteMs),
  };
}

function readMeta(db: DatabaseSync): { readonly kept: Kept; readonly rolledUp: number } {
  const meta = new Map(
    db
      .prepare("SELECT name, value FROM meta")
      .all()
      .map(({ name, value }) => [name, Number(value)]),
  );
  const from = (name: string, length: number): number => (meta.get(name) ?? 0) * length;
  const kept = { minutesFromMs: from("minutes_from", GRAINS_MS[0]), hoursFromMs: from("hours_from", GRAINS_MS[1]) };
  return { kept, rolledUp: meta.get("rolled_up") ?? 0 };
}
