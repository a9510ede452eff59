import type { SumsWanted } from "../sqlite/cost-sql.ts";
import { GRAINS_MS, LABEL_COLUMNS, labelsOfFilter, levelFor } from "../sqlite/levels.ts";
import { SUM_COLUMNS } from "../sqlite/roll-up.ts";
import type { Segment } from "../sqlite/segments.ts";
import { cleanText } from "./records.ts";

/** The sums of segments, from the roll-ups, as one statement and its values. A row is one of `foldRows`. */
export function sumsSql(
  segments: readonly Segment[],
  wanted: SumsWanted,
): { readonly text: string; readonly values: readonly string[] } {
  const { labels, filter, hasMetadata } = wanted;
  const filters = labelsOfFilter(filter);
  const level = levelFor([...labels, ...filters], hasMetadata);
  const conditions = filters.map((name, index) => `l.${LABEL_COLUMNS[name]} = $${index + 1}`);
  const selects = segments.map((segment) => segmentSql(segment, wanted, { level, conditions }));
  return { text: selects.join(" UNION ALL "), values: filters.map((name) => cleanText(filter[name] ?? "")) };
}

/** The numbers in it are ours; whatever came from a caller is a parameter. */
function segmentSql(
  { grain, from, to }: Segment,
  { labels, hasMetadata, periodMs }: SumsWanted,
  { level, conditions }: { readonly level: number; readonly conditions: readonly string[] },
): string {
  const time = periodMs === undefined ? "0" : `s.period * ${GRAINS_MS[grain as 0 | 1 | 2]} / ${periodMs} * ${periodMs}`;
  const kept = [...labels.map((name) => LABEL_COLUMNS[name]), ...(hasMetadata ? ["metadata"] : [])];
  const columns = [`${time} AS time`, ...kept.map((column) => `l.${column}`)].join(", ");
  const range = [`s.grain = ${grain}`, `s.level = ${level}`, `s.period >= ${from}`, `s.period < ${to}`];
  const groupBy = ["1", ...kept.map((_, index) => String(index + 2))].join(", ");
  return `(SELECT ${columns}, ${SUM_COLUMNS.map(sumOf).join(", ")}
    FROM execution_platform.sums s JOIN execution_platform.labels l ON l.id = s.label
    WHERE ${[...range, `l.level = ${level}`, ...conditions].join(" AND ")} GROUP BY ${groupBy})`;
}

/** The cost in two halves, as the embedded ledger gives it. */
function sumOf(column: string): string {
  return column === "cost_nano_usd" ? `sum(s.${column} >> 32), sum(s.${column} & 4294967295)` : `sum(s.${column})`;
}
