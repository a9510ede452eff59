import type { DatabaseSync } from "node:sqlite";
import { levelOf, type Plan, type SumsWanted, whereLabels } from "./cost-sql.ts";
import type { Segment } from "./segments.ts";

/** Part of a segment, and how its sums are found. */
export interface Planned {
  readonly segment: Segment;
  readonly plan: Plan;
}

/** Minutes, hours and days of a part, by grain. */
const PERIODS_A_PART = [360, 72, 30] as const;

/** Look-ups that are not worth being parted. */
const FEW_LOOK_UPS = 1_000_000;

/**
 * Chooses how the sums of each segment of a question are found. A look-up takes about as long as reading a sum, so the plan is the one with fewer of
 * them: periods times labels, or the sums that everybody has in those periods. Those are counted only as far as there are look-ups, and counting one takes
 * a small part of reading it, so the choice is never much dearer than the better plan. Who filters by neither key nor end user wants so many labels
 * that nothing is counted.
 *
 * Where periods are told apart, many look-ups or sums are read in parts, each with groups of its own: a question of too many groups is not read to its end.
 */
export function createPlanner(db: DatabaseSync, wanted: SumsWanted): (segment: Segment) => readonly Planned[] {
  const parts = (segment: Segment): readonly Segment[] =>
    wanted.periodMs === undefined ? [segment] : partsOf(segment);
  if (wanted.filter.key === undefined && wanted.filter.endUserId === undefined) {
    return (segment) => parts(segment).map((part) => ({ segment: part, plan: "scan" }));
  }
  const labels = countLabels(db, wanted);
  const lookUps = ({ from, to }: Segment): number => (to - from) * labels;
  const countSums = db.prepare(
    `SELECT count(*) AS count FROM (SELECT 1 FROM sums WHERE grain = ? AND level = ${levelOf(wanted)} AND period >= ? AND period < ? LIMIT ?)`,
  );
  return (segment) =>
    (lookUps(segment) <= FEW_LOOK_UPS ? [segment] : parts(segment)).map((part) => {
      const sums = Number(countSums.get(part.grain, part.from, part.to, lookUps(part))?.count);
      return { segment: part, plan: sums < lookUps(part) ? "scan" : "lookUp" };
    });
}

function countLabels(db: DatabaseSync, wanted: SumsWanted): number {
  const { conditions, values } = whereLabels(wanted.filter, "l");
  const where = [`l.level = ${levelOf(wanted)}`, ...conditions].join(" AND ");
  return Number(db.prepare(`SELECT count(*) AS count FROM labels l WHERE ${where}`).get(...values)?.count);
}

function partsOf({ grain, from, to }: Segment): readonly Segment[] {
  const length = PERIODS_A_PART[grain as 0 | 1 | 2];
  return Array.from({ length: Math.ceil((to - from) / length) }, (_, index) => {
    const start = from + index * length;
    return { grain, from: start, to: Math.min(to, start + length) };
  });
}
