import { GRAINS_MS, HOUR, MINUTE } from "../sqlite/levels.ts";
import type { Retention } from "../sqlite/retention.ts";
import type { Database } from "./database.ts";

/** Deleted at once: others wait for nothing that this locks, but the server has other things to do. */
const ROWS_A_STEP = 5_000;

/** Of all gateways one cleans at a time, and none while rows are priced anew. */
export const CLEANING_LOCK = 0x6570_0002;

/** Rows stay longer than in any spool, so that one that is sent again is always known. */
const MARGIN_MS = GRAINS_MS[2];

/** Takes away some of what is older than the retention. True if there may be more, and no other gateway is at it. Rejects with what the database says. */
export function clean(database: Database, { rowsMs, minutesMs, hoursMs }: Retention, nowMs: number): Promise<boolean> {
  return database.transaction("BEGIN", async (connection) => {
    const [lock] = await connection.query("SELECT pg_try_advisory_xact_lock($1)", [CLEANING_LOCK]);
    if (lock?.[0] !== true) return false;
    // Whole hours and days, so that a period of the next grain is kept whole or not at all.
    const minutesFrom = Math.floor((nowMs - minutesMs) / GRAINS_MS[1]) * 60;
    const hoursFrom = Math.floor((nowMs - hoursMs) / GRAINS_MS[2]) * 24;
    const mark = "UPDATE execution_platform.meta SET value = $2 WHERE name = $1 AND value < $2";
    await connection.query(mark, ["minutes_from", minutesFrom]);
    await connection.query(mark, ["hours_from", hoursFrom]);
    const deleteSums = `DELETE FROM execution_platform.sums WHERE ctid IN
      (SELECT ctid FROM execution_platform.sums WHERE grain = $1 AND level IN (0, 1, 2, 3) AND period < $2 LIMIT ${ROWS_A_STEP}) RETURNING 1`;
    const gone = [
      await connection.query(
        `DELETE FROM execution_platform.attempts WHERE ctid IN
          (SELECT ctid FROM execution_platform.attempts WHERE ended_at_ms < $1 LIMIT ${ROWS_A_STEP}) RETURNING 1`,
        [nowMs - rowsMs - MARGIN_MS],
      ),
      await connection.query(deleteSums, [MINUTE, minutesFrom]),
      await connection.query(deleteSums, [HOUR, hoursFrom]),
    ];
    return gone.some((rows) => rows.length === ROWS_A_STEP);
  });
}
