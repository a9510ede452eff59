import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SettledRow } from "../sqlite/roll-up.ts";
import { LEDGER_FILE } from "../sqlite/writer.ts";

/** Reads a spool, beside its writer. */
export interface SpoolRows {
  /** Its name in the database, and up to which row the database was known to have it. */
  marks(): { readonly spoolId: number; readonly shipped: number };
  /** The first and the last row there is; both 0 if there is none. */
  span(): { readonly firstSeq: number; readonly lastSeq: number };
  /** The id of the attempt in a row; undefined if the row is not there. */
  attemptIdAt(seq: number): string | undefined;
  /** The last row of before a time, in milliseconds since the epoch; 0 if there is none. */
  lastBefore(ms: number): number;
  /** The next rows after one, whole numbers as bigints. */
  after(seq: number, limit: number): readonly SettledRow[];
  close(): void;
}

/** How long another program, such as a backup, may keep it waiting. */
const BUSY_MS = 1_000;

/** Opens the spool of a directory that its writer has opened. Throws what SQLite does. */
export function openSpoolRows(directory: string): SpoolRows {
  const db = new DatabaseSync(join(directory, LEDGER_FILE), { readOnly: true, timeout: BUSY_MS });
  const mark = db.prepare("SELECT value FROM meta WHERE name = ?");
  const ends = db.prepare("SELECT coalesce(min(seq), 0) AS first, coalesce(max(seq), 0) AS last FROM attempts");
  const at = db.prepare("SELECT attempt_id FROM attempts WHERE seq = ?");
  const before = db.prepare("SELECT coalesce(max(seq), 0) AS seq FROM attempts WHERE ended_at_ms < ?");
  const next = db.prepare("SELECT * FROM attempts WHERE seq > ? ORDER BY seq LIMIT ?");
  next.setReadBigInts(true);
  const markOf = (name: string): number => Number(mark.get(name)?.value ?? 0);
  return {
    marks: () => ({ spoolId: markOf("spool_id"), shipped: markOf("shipped") }),
    span: () => {
      const span = ends.get();
      return { firstSeq: Number(span?.first), lastSeq: Number(span?.last) };
    },
    attemptIdAt: (seq) => {
      const id = at.get(seq)?.attempt_id;
      return typeof id === "string" ? id : undefined;
    },
    lastBefore: (ms) => Number(before.get(ms)?.seq ?? 0),
    after: (seq, limit) => next.all(seq, limit),
    close: () => db.close(),
  };
}
