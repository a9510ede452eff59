import { randomInt } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { SpoolMark } from "./messages.ts";

/** Names of spools are below. */
const SPOOL_IDS = 2 ** 48 - 1;

/** The numbers of a spool. */
export interface SpoolMarks {
  /** Keeps one. What was shipped only ever grows. Throws what SQLite does. */
  set(mark: SpoolMark): void;
}

/**
 * Makes a ledger a spool if it was none, or no spool if it was one. What was settled before, up to `lastSeq`, is taken for shipped here: the database says what it lacks,
 * and is sent it, but it is no backlog that could fill the spool.
 */
export function createSpoolMarks(db: DatabaseSync, isSpool: boolean, lastSeq: number): SpoolMarks {
  if (isSpool) {
    const make = db.prepare("INSERT OR IGNORE INTO meta VALUES (?, ?)");
    make.run("shipped", lastSeq);
    make.run("spool_id", newSpoolId());
  } else {
    db.prepare("DELETE FROM meta WHERE name = 'shipped'").run();
  }
  const keep = db.prepare(
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = iif(name = 'shipped', max(value, excluded.value), excluded.value)",
  );
  return {
    set: ({ name, value }) => {
      keep.run(name, value);
    },
  };
}

/** A name for a spool that no other has. */
export function newSpoolId(): number {
  return randomInt(1, SPOOL_IDS);
}
