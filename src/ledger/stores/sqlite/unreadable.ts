import { LedgerOpenError } from "../../open-error.ts";
import { primaryCode } from "./owner.ts";

/** What to do, by SQLite's primary result code (sqlite.org/rescode.html): SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN. */
const BY_RESULT = new Map([
  [5, "wait until the other program is done with it"],
  [6, "wait until the other program is done with it"],
  [10, "look after the disk, or name another data directory with EP_DATA_DIR"],
  [13, "make room on the disk"],
  [14, "make it a file that this user may read and write"],
]);

/** The same of the operating system's errors. */
const BY_ERROR = new Map(
  ["EISDIR", "EACCES", "EPERM", "EROFS"].map((code) => [code, "make it a file that this user may read and write"]),
);

/** What the ledger is refused with whose file cannot be opened or read: which file, why, and what to do. */
export function unreadable(file: string, what: "opened" | "read", cause: unknown): LedgerOpenError {
  const { code, message }: { code?: unknown; message?: unknown } =
    typeof cause === "object" && cause !== null ? cause : {};
  const mend =
    BY_RESULT.get(primaryCode(cause) ?? 0) ??
    BY_ERROR.get(String(code)) ??
    "restore a backup, or move it away to begin a new one";
  return new LedgerOpenError(`the ledger ${file} cannot be ${what} (${String(message ?? cause)}); ${mend}`, { cause });
}

/** True for an error of SQLite's. */
export function isOfSqlite(thrown: unknown): boolean {
  return primaryCode(thrown) !== undefined;
}
