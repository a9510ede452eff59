import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LedgerOpenError } from "../../open-error.ts";

/** Makes the directory, readable by its owner only, and makes this process its one owner until `release`, or the process's end however it comes. */
export function ownDirectory(directory: string): { release(): void } {
  try {
    makeDirectory(directory);
  } catch (cause) {
    throw refusal(directory, "cannot be made", cause);
  }
  let lock: DatabaseSync;
  const file = join(directory, "owner.lock");
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
    // A lock of the system's on the file, which no crash leaves behind.
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    chmodSync(file, 0o600);
  } catch (cause) {
    if (isBusy(cause)) {
      throw new LedgerOpenError(
        `another process keeps its ledger in ${directory}; stop it, or give this one a directory of its own (EP_DATA_DIR)`,
        { cause },
      );
    }
    throw refusal(directory, "cannot be written to", cause);
  }
  return { release: () => lock.close() };
}

/** Made with what is above it. Node's own way of doing that never ends where nothing can be made, such as in /proc. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const above = dirname(directory);
  if (above !== directory) makeDirectory(above);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (thrown) {
    // Another process that starts now has made it.
    if (!existsSync(directory)) throw thrown;
  }
}

function refusal(directory: string, what: string, cause: unknown): LedgerOpenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LedgerOpenError(
    `the data directory ${directory} ${what} (${why}); make it writable, name another one with EP_DATA_DIR, or keep costs in memory only with EP_LEDGER_STORE=memory`,
    { cause },
  );
}

/** SQLITE_BUSY (5) and SQLITE_LOCKED (6), sqlite.org/rescode.html. */
function isBusy(thrown: unknown): boolean {
  return [5, 6].includes(primaryCode(thrown) ?? 0);
}

/** SQLITE_FULL (13), and an I/O error of a write, which is how a full disk shows where the file has to grow: SQLITE_IOERR (10). */
export function isOutOfSpace(thrown: unknown): boolean {
  return [10, 13].includes(primaryCode(thrown) ?? 0);
}

/** The primary result code of an error of SQLite's, which is the lower byte of the extended one; undefined of any other error. */
export function primaryCode(thrown: unknown): number | undefined {
  const code = typeof thrown === "object" && thrown !== null && "errcode" in thrown ? thrown.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
