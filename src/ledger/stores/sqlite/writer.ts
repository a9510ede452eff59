import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LedgerOpenError } from "../../open-error.ts";
import type { KeptRecord, RecordChange } from "../../records.ts";
import type { CommitResult, SpoolMark } from "./messages.ts";
import { rememberFiles } from "./open-files.ts";
import { isOutOfSpace, ownDirectory } from "./owner.ts";
import { changeRecord, readRecords } from "./records.ts";
import { recoverAttempts } from "./recovery.ts";
import { createReserve } from "./reserve.ts";
import { createCleaner, type Retention } from "./retention.ts";
import { createRollUp } from "./roll-up.ts";
import { migrate } from "./schema.ts";
import { createSpoolMarks } from "./spool-marks.ts";
import { prepareStatements } from "./statements.ts";
import type { Operation } from "./wire.ts";

/** Name of the ledger's file in its directory. */
export const LEDGER_FILE = "ledger.db";

/** The one writer of a ledger. Everything it does blocks its thread. */
export interface Writer {
  /** How many attempts were open when the process before this one ended. They are settled now. */
  readonly recovered: number;
  /** Writes operations down, all in one transaction. What it says is done is durable. Never throws: who waits for the result would get none for ever. */
  commit(operations: readonly Operation[]): CommitResult;
  /** Makes a change of a record; false if it has another version. Throws what SQLite does. */
  change(change: RecordChange): boolean;
  /** All records of a sort. Throws what SQLite does. */
  records(sort: string): readonly KeptRecord[];
  /** Finds out whether attempts may be opened again. Never throws either. */
  probe(): CommitResult;
  /** Adds settled rows to the roll-ups. True if there may be more to add. Throws what SQLite does. */
  rollUp(): boolean;
  /** Takes away what is too old. True if there may be more. Throws what SQLite does. */
  clean(nowMs: number): boolean;
  /** Keeps a number of a spool. Throws what SQLite does. */
  mark(mark: SpoolMark): void;
  close(): void;
}

/** How a ledger is kept. */
export interface WriterOptions {
  readonly directory: string;
  readonly retention: Retention;
  /** Names of metadata that roll-ups keep apart. */
  readonly metadataKeys: readonly string[];
  /** True if settled rows are sent on to a database, and stay at least until they are there. */
  readonly isSpool: boolean;
}

/** Opens the ledger of a directory, makes it if there is none, and settles what an earlier process left open. Throws a LedgerOpenError. */
export function createWriter({ directory, retention, metadataKeys, isSpool }: WriterOptions): Writer {
  const owner = ownDirectory(directory);
  const file = join(directory, LEDGER_FILE);
  // SQLite makes it readable by all, and what it puts beside it as readable as this; the directory may be one that was there, and open.
  closeSync(openSync(file, "a", 0o600));
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  const { recovered, statements } = prepareLedger(db, file, owner.release);
  const reserve = createReserve(directory);
  const rollUp = createRollUp(db, metadataKeys);
  const cleaner = createCleaner(db, retention);
  const marks = createSpoolMarks(db, isSpool, lastSeq(db));
  let nextSeq = lastSeq(db) + 1;
  const missing = rememberFiles([file, `${file}-wal`]);
  let isFailing = false;
  let commitMs = 0;

  /** What is written to files that nobody finds again is lost with the process. */
  const checkFiles = (): void => {
    const gone = missing();
    if (gone === undefined) return;
    throw new Error(`${gone} was taken away, or is another file; put it back as it was, or start again`);
  };
  /** Nothing is to be told in place of what went wrong first. */
  const rollBack = (): void => {
    try {
      if (db.isTransaction) db.exec("ROLLBACK");
    } catch {
      // What comes next cannot begin a transaction while there is one, and tries this again.
    }
  };
  const write = (operations: readonly Operation[]): void => {
    const firstSeq = nextSeq;
    try {
      checkFiles();
      db.exec("BEGIN IMMEDIATE");
      for (const { kind, values } of operations) {
        if (kind === "settle") {
          statements.close.run(values[0] ?? "");
          if (statements.settle.run(nextSeq, ...values).changes !== 0) nextSeq += 1;
        } else {
          statements[kind].run(...values);
        }
      }
      const begunMs = performance.now();
      db.exec("COMMIT");
      commitMs = performance.now() - begunMs;
      isFailing = false;
    } catch (thrown) {
      nextSeq = firstSeq;
      isFailing = true;
      rollBack();
      throw thrown;
    }
  };
  const result = (outcome: CommitResult["outcome"], why = ""): CommitResult => ({
    outcome,
    why,
    isWritable: !isFailing && reserve.isHeld(),
    commitMs,
  });
  const writeWithoutOpens = (operations: readonly Operation[], why: string): CommitResult => {
    try {
      write(operations.filter(({ kind }) => kind !== "open"));
      return result("opens_refused", why);
    } catch (thrown) {
      return result("failed", messageOf(thrown));
    }
  };
  return {
    recovered,
    commit: (operations) => {
      if (!reserve.isHeld()) return writeWithoutOpens(operations, "the disk is full");
      try {
        write(operations);
        return result("done");
      } catch (thrown) {
        const why = messageOf(thrown);
        return isOutOfSpace(thrown) && reserve.release() ? writeWithoutOpens(operations, why) : result("failed", why);
      }
    },
    probe: () => {
      try {
        checkFiles();
        reserve.take();
        db.exec("BEGIN IMMEDIATE; UPDATE meta SET value = value WHERE name = 'rolled_up'; COMMIT");
        isFailing = false;
        return result("done", reserve.isHeld() ? "" : "the disk is full");
      } catch (thrown) {
        isFailing = true;
        rollBack();
        return result("failed", messageOf(thrown));
      }
    },
    change: (change) => {
      checkFiles();
      return changeRecord(db, change);
    },
    records: (sort) => readRecords(db, sort),
    rollUp: rollUp.step,
    clean: cleaner.step,
    mark: marks.set,
    close: () => {
      db.close();
      owner.release();
    },
  };
}

/** Brings a ledger up to date and settles what was open. What cannot be is closed, and refused with its file and what to do. */
function prepareLedger(
  db: DatabaseSync,
  file: string,
  release: () => void,
): { readonly recovered: number; readonly statements: ReturnType<typeof prepareStatements> } {
  try {
    // With FULL every commit waits until the disk has it. Rows, their ids and the sums of a minute are all written at the end of their trees, so that 4 MB of
    // pages are as good as more.
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -4000",
    );
    migrate(db, file);
    return { recovered: recoverAttempts(db), statements: prepareStatements(db) };
  } catch (thrown) {
    db.close();
    release();
    if (thrown instanceof LedgerOpenError) throw thrown;
    throw new LedgerOpenError(
      `the ledger ${file} cannot be opened (${messageOf(thrown)}); restore a backup, or move it away to begin a new one`,
      { cause: thrown },
    );
  }
}

/** How long another program, such as a backup, may keep the writer waiting. */
const BUSY_MS = 250;

function lastSeq(db: DatabaseSync): number {
  const row = db
    .prepare(
      "SELECT max((SELECT coalesce(max(seq), 0) FROM attempts), (SELECT value FROM meta WHERE name = 'rolled_up')) AS last",
    )
    .get();
  return Number(row?.last ?? 0);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
