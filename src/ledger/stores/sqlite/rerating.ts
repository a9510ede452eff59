import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { fromBinary } from "@bufbuild/protobuf";
import { Billed, type Usage, UsageSchema } from "../../../gen/execution/v1/usage_pb.js";
import { LedgerOpenError } from "../../open-error.ts";
import type { RatedRow, Rerated } from "../../rerate.ts";
import { LABEL_COLUMNS } from "./levels.ts";
import { ownDirectory } from "./owner.ts";
import { knownVersion, migrate } from "./schema.ts";
import { createSumCorrections } from "./sum-corrections.ts";
import { isOfSqlite, unreadable } from "./unreadable.ts";
import { LEDGER_FILE } from "./writer.ts";

/** What is priced anew: rows that ended in a window, milliseconds since the epoch, `toMs` excluded. */
export interface RerateWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Rows that are read at once. */
const ROWS_A_STEP = 2_000;

/**
 * Prices the billed rows of a ledger anew as `decide` says. With `write` the directory is this process's alone meanwhile, and rows, roll-ups and the
 * record of what was before (`rerated`) change in one transaction, or nothing does; without it the ledger is only read, which a gateway that runs does
 * not mind. Throws a LedgerOpenError, with nothing changed, if the ledger is not there, is none, is a newer program's, cannot be read, or another process has
 * it.
 */
export function rerateLedger(
  directory: string,
  { fromMs, toMs }: RerateWindow,
  decide: (row: RatedRow) => Rerated,
  { write, nowMs }: { readonly write: boolean; readonly nowMs: number },
): void {
  const file = join(directory, LEDGER_FILE);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new LedgerOpenError(`there is no ledger in ${directory}`);
  if (!found.isFile()) throw noLedger(file);
  const owner = write ? ownDirectory(directory) : undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, write ? {} : { readOnly: true });
    expectLedger(db, file);
    if (write) {
      db.exec("PRAGMA synchronous = FULL");
      migrate(db, file);
    }
    db.exec(write ? "BEGIN IMMEDIATE" : "BEGIN");
    const change = write ? createChange(db, nowMs) : undefined;
    for (const row of rowsOf(db, fromMs, toMs)) {
      const rerated = decide(ratedRow(row, file));
      if (rerated.outcome === "changed") change?.apply(row, rerated);
    }
    change?.finish();
    db.exec("COMMIT");
  } catch (thrown) {
    throw isOfSqlite(thrown) ? unreadable(file, "read", thrown) : thrown;
  } finally {
    // What was not committed is rolled back.
    db?.close();
    owner?.release();
  }
}

function noLedger(file: string): LedgerOpenError {
  return new LedgerOpenError(`${file} is no ledger; name the data directory that has one with EP_DATA_DIR`);
}

/** An empty file is a database without tables to SQLite, and one of another program has others: neither becomes a ledger here. */
function expectLedger(db: DatabaseSync, file: string): void {
  const found = db.prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE name IN ('attempts', 'labels', 'sums')");
  if (Number(found.get()?.tables) < 3) throw noLedger(file);
  knownVersion(db, file);
}

/** A row, as it is read. */
type Row = Readonly<Record<string, SQLOutputValue>>;

/** Billed rows with a usage. One that has a cost and no version of prices is free. */
function* rowsOf(db: DatabaseSync, fromMs: number, toMs: number): Iterable<Row> {
  const read = db.prepare(
    `SELECT seq, attempt_id, ${Object.values(LABEL_COLUMNS).join(", ")}, metadata, started_at_ms, ended_at_ms, usage, cost_nano_usd, price_version
     FROM attempts
     WHERE seq > ? AND ended_at_ms >= ? AND ended_at_ms < ? AND billed <> ${Billed.NO} AND usage IS NOT NULL
       AND NOT (price_version = '' AND cost_nano_usd IS NOT NULL)
     ORDER BY seq LIMIT ${ROWS_A_STEP}`,
  );
  read.setReadBigInts(true);
  let after: SQLOutputValue = 0n;
  while (true) {
    const rows: readonly Row[] = read.all(after, fromMs, toMs);
    yield* rows;
    if (rows.length < ROWS_A_STEP) return;
    after = rows.at(-1)?.seq ?? after;
  }
}

function ratedRow(row: Row, file: string): RatedRow {
  const { attempt_id, provider, model, started_at_ms, ended_at_ms, usage, cost_nano_usd: cost } = row;
  return {
    provider: String(provider),
    model: String(model),
    startedAtMs: Number(started_at_ms),
    endedAtMs: Number(ended_at_ms),
    usage: usageOf(usage, () => `${file}, attempt ${String(attempt_id)}`),
    ...(typeof cost === "bigint" ? { costNanoUsd: cost } : {}),
  };
}

function usageOf(bytes: SQLOutputValue | undefined, where: () => string): Usage {
  try {
    return fromBinary(UsageSchema, bytes instanceof Uint8Array ? bytes : new Uint8Array());
  } catch (cause) {
    throw new LedgerOpenError(`the usage in ${where()} cannot be read; restore a backup`, { cause });
  }
}

/** Changes rows, and at the end the sums that have them. */
function createChange(db: DatabaseSync, nowMs: number) {
  const run = Number(db.prepare("SELECT coalesce(max(run), 0) + 1 AS run FROM rerated").get()?.run);
  const keep = db.prepare(
    "INSERT INTO rerated (run, at_ms, attempt_id, old_cost_nano_usd, old_price_version, new_cost_nano_usd, new_price_version) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const update = db.prepare("UPDATE attempts SET cost_nano_usd = ?, price_version = ? WHERE seq = ?");
  const sums = createSumCorrections(db);
  return {
    apply: (row: Row, { costNanoUsd, priceVersion }: Extract<Rerated, { outcome: "changed" }>): void => {
      const { seq, attempt_id, cost_nano_usd: old, price_version } = row;
      keep.run(
        run,
        nowMs,
        String(attempt_id),
        typeof old === "bigint" ? old : null,
        String(price_version),
        costNanoUsd,
        priceVersion,
      );
      update.run(costNanoUsd, priceVersion, Number(seq));
      const before = typeof old === "bigint" ? old : 0n;
      sums.add(row, { costNanoUsd: costNanoUsd - before, unpricedAttempts: old === null ? -1n : 0n });
    },
    finish: (): void => sums.write(),
  };
}
