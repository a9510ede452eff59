import type { DatabaseSync } from "node:sqlite";
import { AttemptOutcome, Billed } from "../../../gen/execution/v1/usage_pb.js";
import { OPEN_COLUMNS, USAGE_COLUMNS } from "./wire.ts";

/**
 * Settles the attempts that were open when the process before this one ended: as interrupted ones that may be billed, with what their last checkpoint
 * says they used, which is an estimate. They end when they were last heard of. Returns how many there were. In one transaction, so that a process that
 * dies in it has done nothing, and the next one does it again.
 */
export function recoverAttempts(db: DatabaseSync): number {
  db.exec("BEGIN IMMEDIATE");
  // `rolled_up` too: the last row may be gone with its time.
  db.prepare(
    `INSERT OR IGNORE INTO attempts (seq, ${OPEN_COLUMNS}, ${USAGE_COLUMNS}, billed, outcome, reason, ended_at_ms)
     SELECT row_number() OVER (ORDER BY attempt_id)
         + max((SELECT coalesce(max(seq), 0) FROM attempts), (SELECT value FROM meta WHERE name = 'rolled_up')),
       ${OPEN_COLUMNS}, ${USAGE_COLUMNS}, ?, ?, 'INTERRUPTED', coalesce(noted_at_ms, started_at_ms)
     FROM open_attempts`,
  ).run(Billed.UNKNOWN, AttemptOutcome.FAILED);
  const { changes } = db.prepare("DELETE FROM open_attempts").run();
  db.exec("COMMIT");
  return Number(changes);
}
