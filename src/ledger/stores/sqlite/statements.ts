import type { DatabaseSync } from "node:sqlite";
import { END_COLUMNS, OPEN_COLUMNS, USAGE_COLUMNS } from "./wire.ts";

/** The statements that write attempts, prepared. */
export function prepareStatements(db: DatabaseSync) {
  const settled = `seq, ${OPEN_COLUMNS}, ${USAGE_COLUMNS}, ${END_COLUMNS}`;
  return {
    /** An attempt that is entered twice, or that was settled, is as it was. */
    open: db.prepare(
      `INSERT OR IGNORE INTO open_attempts (${OPEN_COLUMNS}, cost_nano_usd) VALUES (${places(OPEN_COLUMNS)}, ?)`,
    ),
    checkpoint: db.prepare(
      `UPDATE open_attempts SET (${USAGE_COLUMNS}, noted_at_ms) = (${places(USAGE_COLUMNS)}, ?) WHERE attempt_id = ?`,
    ),
    settle: db.prepare(`INSERT OR IGNORE INTO attempts (${settled}) VALUES (${places(settled)})`),
    /** Settled, or taken back. */
    close: db.prepare("DELETE FROM open_attempts WHERE attempt_id = ?"),
  };
}

function places(columns: string): string {
  return columns.replaceAll(/\w+/g, "?");
}
