import type { DatabaseSync } from "node:sqlite";
import { LedgerOpenError } from "../../open-error.ts";

/**
 * The steps from an empty file to the current schema, in order; a step that was released never changes. `user_version` is the number of steps a file has.
 *
 * Attempts that run stand in `open_attempts`, and move to `attempts` when they are settled, whose `seq` is the order of settlement. `sums` has the
 * roll-ups: by grain (0 minute, 1 hour, 2 day), level (see `levels.ts`) and period (its number since the epoch), of everything up to the row
 * `meta.rolled_up`. `meta.minutes_from` and `meta.hours_from` are the first periods that are kept. `rerated` has what attempts
 * were priced at before they were priced anew, kept for ever; `run` counts the times that was done.
 * A spool has `meta.shipped`, up to which row a database has everything, and `meta.spool_id`, its name there.
 * `records` are the small things that are kept beside the rows, `record_changes` who changed which of them, when, and to what (NULL: it was taken away).
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE open_attempts (
    attempt_id TEXT PRIMARY KEY, stream_id TEXT NOT NULL, request_id TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL,
    persona TEXT NOT NULL, end_user_id TEXT NOT NULL, metadata TEXT NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,
    provider TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, started_at_ms INTEGER NOT NULL,
    usage BLOB, input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, reasoning_tokens INTEGER,
    cost_nano_usd INTEGER, price_version TEXT NOT NULL DEFAULT '', noted_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY,
    attempt_id TEXT NOT NULL UNIQUE, stream_id TEXT NOT NULL, request_id TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL,
    persona TEXT NOT NULL, end_user_id TEXT NOT NULL, metadata TEXT NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,
    provider TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, started_at_ms INTEGER NOT NULL,
    usage BLOB, input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, reasoning_tokens INTEGER,
    cost_nano_usd INTEGER, price_version TEXT NOT NULL, billed INTEGER NOT NULL, outcome INTEGER NOT NULL, reason TEXT NOT NULL,
    ended_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    level INTEGER NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, persona TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    end_user_id TEXT NOT NULL, metadata TEXT NOT NULL,
    UNIQUE (level, tenant, key, persona, provider, model, end_user_id, metadata)
  ) STRICT;
  CREATE TABLE sums (
    grain INTEGER NOT NULL, level INTEGER NOT NULL, period INTEGER NOT NULL, label INTEGER NOT NULL,
    calls INTEGER NOT NULL, attempts INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL, unpriced_attempts INTEGER NOT NULL,
    PRIMARY KEY (grain, level, period, label)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('rolled_up', 0), ('minutes_from', 0), ('hours_from', 0);
  `,
  `
  CREATE TABLE rerated (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL, at_ms INTEGER NOT NULL, attempt_id TEXT NOT NULL,
    old_cost_nano_usd INTEGER, old_price_version TEXT NOT NULL, new_cost_nano_usd INTEGER NOT NULL, new_price_version TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE records (
    sort TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, changed_by TEXT NOT NULL, changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (sort, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE record_changes (
    seq INTEGER PRIMARY KEY, sort TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT, changed_by TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** The number of steps a file has. Throws a LedgerOpenError for more than this program knows. */
export function knownVersion(db: DatabaseSync, file: string): number {
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version <= MIGRATIONS.length) return version;
  throw new LedgerOpenError(
    `the ledger ${file} was written by a newer program (schema ${version}, this one knows ${MIGRATIONS.length}); start that one, or restore a backup of before the upgrade`,
  );
}

/** Brings a ledger's file to the current schema, each step whole or not at all. Throws a LedgerOpenError for a file of a newer program, or of another one. */
export function migrate(db: DatabaseSync, file: string): void {
  const version = knownVersion(db, file);
  // Whose tables these are does not matter: they are not a ledger's, and stay as they are.
  if (version === 0 && db.prepare("SELECT name FROM sqlite_schema LIMIT 1").get() !== undefined) {
    throw new LedgerOpenError(
      `${file} is a database of something else; move it away, or name another data directory with EP_DATA_DIR`,
    );
  }
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${step} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
