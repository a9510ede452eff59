import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { CostDimension } from "../../../gen/execution/v1/costs_pb.js";
import { addSums, isTime, noSums, pageOf, periodName, type RunningSums } from "../../cost-groups.ts";
import type { CostAnswer, CostQuery } from "../../store.ts";
import { type SumsWanted, segmentSql, tailSql } from "./cost-sql.ts";
import { DAY, GRAINS_MS, type LabelName } from "./levels.ts";
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
  const labels = [...new Set(groupBy.flatMap((dimension) => LABELS.get(dimension) ?? []))];
  const periodMs = groupBy.some(isTime) ? (GRAINS_MS[grain] ?? GRAINS_MS[DAY]) : undefined;
  const wanted: SumsWanted = { labels, periodMs, filter };
  if (!(window.startMs < window.endMs)) return { groups: [], total: noSums(), hasMore: false };
  const statements = [
    ...segmentsOf(window, grain, kept).map((segment) => segmentSql(segment, wanted)),
    tailSql(wanted, window.startMs, window.endMs, rolledUp),
  ];
  const groups = new Map<string, Group>();
  const total = noSums();
  for (const { text, values } of statements) {
    const statement = db.prepare(text);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    // With arrays wanted, rows are arrays; the types do not know.
    for (const row of statement.iterate(...values) as Iterable<unknown> as Iterable<readonly SQLOutputValue[]>) {
      const sums = sumsIn(row.slice(labels.length + 1));
      addSums(total, sums);
      addSums(groupFor(groups, groupOf(row, labels, groupBy)), sums);
    }
  }
  const found = [...groups.values()].map(({ group, sums }) => ({ group, ...sums }));
  return { ...pageOf(found, query), total };
}

/** A group of an answer. */
interface Group {
  readonly group: readonly string[];
  readonly sums: RunningSums;
}

/** The label of each dimension that is no time. */
const LABELS: ReadonlyMap<CostDimension, LabelName> = new Map([
  [CostDimension.TENANT, "tenant"],
  [CostDimension.KEY, "key"],
  [CostDimension.PERSONA, "persona"],
  [CostDimension.PROVIDER, "provider"],
  [CostDimension.MODEL, "model"],
  [CostDimension.END_USER, "endUserId"],
]);

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

function within(query: CostQuery, span: Pick<CostQuery, "startMs" | "endMs">): Pick<CostQuery, "startMs" | "endMs"> {
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

function sumsIn(values: readonly SQLOutputValue[]): RunningSums {
  const [calls, attempts, input, output, cacheRead, reasoning, costHigh, costLow, unpriced] = values.map(whole);
  return {
    calls: calls ?? 0n,
    attempts: attempts ?? 0n,
    inputTokens: input ?? 0n,
    outputTokens: output ?? 0n,
    cacheReadTokens: cacheRead ?? 0n,
    reasoningTokens: reasoning ?? 0n,
    costNanoUsd: (costHigh ?? 0n) * 2n ** 32n + (costLow ?? 0n),
    unpricedAttempts: unpriced ?? 0n,
  };
}

function whole(value: SQLOutputValue): bigint {
  return typeof value === "bigint" ? value : 0n;
}

function groupOf(
  row: readonly SQLOutputValue[],
  labels: readonly LabelName[],
  groupBy: readonly CostDimension[],
): readonly string[] {
  return groupBy.map((dimension) => {
    if (isTime(dimension)) return periodName(dimension, Number(row[0]));
    const label = LABELS.get(dimension);
    return label === undefined ? "" : String(row[labels.indexOf(label) + 1]);
  });
}

function groupFor(groups: Map<string, Group>, group: readonly string[]): RunningSums {
  const id = JSON.stringify(group);
  const known = groups.get(id);
  if (known !== undefined) return known.sums;
  const sums = noSums();
  groups.set(id, { group, sums });
  return sums;
}
