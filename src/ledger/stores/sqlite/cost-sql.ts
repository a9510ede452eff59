import { Billed } from "../../../gen/execution/v1/usage_pb.js";
import type { CostFilter } from "../../store.ts";
import { GRAINS_MS, LABEL_COLUMNS, type LabelName, labelsOfFilter, levelFor } from "./levels.ts";
import { SUM_COLUMNS } from "./roll-up.ts";
import type { Segment } from "./segments.ts";

/** A statement, and what is bound to it. */
export interface Sql {
  readonly text: string;
  readonly values: readonly (string | number)[];
}

/** What sums are asked for, of whatever metadata: kept apart by these labels and periods of so many milliseconds (undefined: by no time), of rows with these values. */
export interface SumsWanted {
  readonly labels: readonly LabelName[];
  /** True if metadata is to be kept apart too. */
  readonly hasMetadata: boolean;
  readonly periodMs: number | undefined;
  readonly filter: CostFilter;
}

/** How the sums of a segment are found: `scan` reads those of everybody in its periods, `lookUp` seeks each label that is wanted in each period. */
export type Plan = "scan" | "lookUp";

/** The sums of a segment, from the roll-ups. A row has the time in milliseconds, the labels, the metadata, and the sums, the cost in two halves of 32 bits. */
export function segmentSql({ grain, from, to }: Segment, wanted: SumsWanted, plan: Plan): Sql {
  const { conditions, values } = whereLabels(wanted.filter, "l");
  const level = levelOf(wanted);
  const columns = columnsOf(wanted, `s.period * ${GRAINS_MS[grain as 0 | 1 | 2]}`, "l");
  const sums = SUM_COLUMNS.map((column) => sumOf(column, `s.${column}`)).join(", ");
  if (plan === "scan") {
    const range = [`s.grain = ${grain}`, `s.level = ${level}`, `s.period >= ${from}`, `s.period < ${to}`];
    return {
      text: `SELECT ${columns}, ${sums} FROM sums s CROSS JOIN labels l ON l.id = s.label WHERE ${[...range, ...conditions].join(" AND ")} ${groupBy(wanted)}`,
      values,
    };
  }
  // The labels are found once, not once a period, and in the order of sums, so that each page of those is read once.
  return {
    text: `WITH RECURSIVE periods(period) AS (SELECT ${from} UNION ALL SELECT period + 1 FROM periods WHERE period + 1 < ${to}),
        found AS MATERIALIZED (SELECT * FROM labels l WHERE ${[`l.level = ${level}`, ...conditions].join(" AND ")} ORDER BY l.id)
      SELECT ${columns}, ${sums}
      FROM periods p CROSS JOIN found l CROSS JOIN sums s ON s.grain = ${grain} AND s.level = ${level} AND s.period = p.period AND s.label = l.id
      ${groupBy(wanted)}`,
    values,
  };
}

/** The level whose sums are read. */
export function levelOf({ labels, hasMetadata, filter }: SumsWanted): number {
  return levelFor([...labels, ...labelsOfFilter(filter)], hasMetadata);
}

/** The same of the rows that are not in the roll-ups yet. */
export function tailSql(wanted: SumsWanted, startMs: number, endMs: number, rolledUp: number): Sql {
  const { conditions, values } = whereLabels(wanted.filter, "a");
  const columns = columnsOf(wanted, "a.ended_at_ms", "a");
  const sums = SUM_COLUMNS.map((column) => sumOf(column, TAIL_SUMS[column])).join(", ");
  const range = [`a.seq > ${rolledUp}`, `a.ended_at_ms >= ${startMs}`, `a.ended_at_ms < ${endMs}`];
  return {
    text: `SELECT ${columns}, ${sums} FROM attempts a WHERE ${[...range, ...conditions].join(" AND ")} ${groupBy(wanted)}`,
    values,
  };
}

/** What one row adds. */
const TAIL_SUMS: Readonly<Record<(typeof SUM_COLUMNS)[number], string>> = {
  calls: "(a.attempt = 0)",
  attempts: "1",
  input_tokens: "coalesce(a.input_tokens, 0)",
  output_tokens: "coalesce(a.output_tokens, 0)",
  cache_read_tokens: "coalesce(a.cache_read_tokens, 0)",
  reasoning_tokens: "coalesce(a.reasoning_tokens, 0)",
  cost_nano_usd: "coalesce(a.cost_nano_usd, 0)",
  unpriced_attempts: `(a.cost_nano_usd IS NULL AND a.billed <> ${Billed.NO})`,
};

/** A sum of costs can be more than SQLite can add up, which it takes for an error. */
function sumOf(column: string, value: string): string {
  return column === "cost_nano_usd" ? `sum(${value} >> 32), sum(${value} & 4294967295)` : `sum(${value})`;
}

function columnsOf({ labels, hasMetadata, periodMs }: SumsWanted, timeMs: string, table: string): string {
  const time = periodMs === undefined ? "0" : `${timeMs} / ${periodMs} * ${periodMs}`;
  const columns = [...labels.map((name) => LABEL_COLUMNS[name]), ...(hasMetadata ? ["metadata"] : [])];
  return [`${time} AS time`, ...columns.map((column) => `${table}.${column}`)].join(", ");
}

/** By position, and no row at all where there is nothing to sum up. */
function groupBy({ labels, hasMetadata }: SumsWanted): string {
  const count = labels.length + (hasMetadata ? 2 : 1);
  return `GROUP BY ${Array.from({ length: count }, (_, index) => index + 1).join(", ")}`;
}

/** The conditions on the labels of a table, and what is bound to them. */
export function whereLabels(
  filter: CostFilter,
  table: string,
): { readonly conditions: readonly string[]; readonly values: readonly string[] } {
  const names = labelsOfFilter(filter);
  return {
    conditions: names.map((name) => `${table}.${LABEL_COLUMNS[name]} = ?`),
    values: names.map((name) => filter[name] ?? ""),
  };
}
