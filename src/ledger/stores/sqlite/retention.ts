import type { DatabaseSync } from "node:sqlite";
import { GRAINS_MS, HOUR, LEVELS, MINUTE } from "./levels.ts";

/** How long is kept what days do not sum up, in milliseconds. Days are kept for ever. */
export interface Retention {
  readonly rowsMs: number;
  readonly minutesMs: number;
  readonly hoursMs: number;
}

/** Deleted at once: it must not keep those that wait to be written for long. */
const ROWS_A_STEP = 500;

/** Takes away what is older than the retention. */
export interface Cleaner {
  /** Takes away some. True if there may be more. Throws what SQLite does. */
  step(nowMs: number): boolean;
}

/** Creates the cleaner of a database. It never takes away a row that is not in the roll-ups, or that a spool has still to send on. */
export function createCleaner(db: DatabaseSync, { rowsMs, minutesMs, hoursMs }: Retention): Cleaner {
  const rowsFrom = `SELECT seq, ended_at_ms FROM attempts
    WHERE seq >= ? AND seq <= (SELECT min(value) FROM meta WHERE name IN ('rolled_up', 'shipped')) ORDER BY seq`;
  const deleteRows = db.prepare(
    `DELETE FROM attempts WHERE seq IN (SELECT seq FROM (${rowsFrom} LIMIT ${ROWS_A_STEP}) WHERE ended_at_ms < ?)`,
  );
  const rowFrom = db.prepare(`${rowsFrom} LIMIT 1`);
  /**
   * The `seq` to clean from. The first row may say that it ended late, since the clock was ahead when it was settled, and so may any number that follow: one that is
   * too old is then looked for behind them, at twice the distance each time, and from there the first of those around it. So few rows are looked at, however many there
   * are; but as long as fewer are too old than say so wrongly, they may be missed.
   */
  const beginning = (beforeMs: number): number => {
    const at = (seq: number): { readonly seq: number; readonly isOld: boolean } | undefined => {
      const row = rowFrom.get(seq);
      return row && { seq: Number(row.seq), isOld: Number(row.ended_at_ms) < beforeMs };
    };
    const first = at(0);
    if (first === undefined || first.isOld) return 0;
    let distance = 1;
    let found = at(first.seq + distance);
    for (; found !== undefined && !found.isOld; found = at(first.seq + distance)) distance *= 2;
    if (found === undefined) return 0;
    let [young, old] = [first.seq, first.seq + distance];
    while (old - young > 1) {
      const middle = Math.floor((young + old) / 2);
      if (at(middle)?.isOld === true) old = middle;
      else young = middle;
    }
    return old;
  };
  const deleteSums = db.prepare(
    `DELETE FROM sums WHERE (grain, level, period, label) IN (
       SELECT grain, level, period, label FROM sums
       WHERE grain = ? AND level IN (${[...LEVELS.keys()].join(", ")}) AND period < ? LIMIT ${ROWS_A_STEP})`,
  );
  const mark = db.prepare("UPDATE meta SET value = max(value, ?) WHERE name = ?");
  return {
    step: (nowMs) => {
      // Whole hours and days, so that a period of the next grain is kept whole or not at all.
      const minutesFrom = Math.floor((nowMs - minutesMs) / GRAINS_MS[1]) * 60;
      const hoursFrom = Math.floor((nowMs - hoursMs) / GRAINS_MS[2]) * 24;
      db.exec("BEGIN IMMEDIATE");
      try {
        // Said first: from then on nobody reads what is about to go.
        mark.run(minutesFrom, "minutes_from");
        mark.run(hoursFrom, "hours_from");
        const gone = [
          deleteRows.run(beginning(nowMs - rowsMs), nowMs - rowsMs),
          deleteSums.run(MINUTE, minutesFrom),
          deleteSums.run(HOUR, hoursFrom),
        ];
        db.exec("COMMIT");
        return gone.some(({ changes }) => Number(changes) === ROWS_A_STEP);
      } catch (thrown) {
        db.exec("ROLLBACK");
        throw thrown;
      }
    },
  };
}
