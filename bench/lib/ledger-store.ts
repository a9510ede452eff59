import { openSqliteStore } from "../../src/ledger/stores/sqlite/sqlite-store.ts";

/** A day in milliseconds. */
export const DAY_MS = 86_400_000;

/** How long a gateway keeps what, unless it is told otherwise. */
export const retention = { rowsMs: 30 * DAY_MS, minutesMs: 7 * DAY_MS, hoursMs: 90 * DAY_MS };

/** Opens the ledger of a directory as a gateway does that is told nothing of it. */
export function openLedger(directory: string): ReturnType<typeof openSqliteStore> {
  return openSqliteStore({ directory, retention, metadataKeys: [], isSpool: false, onChange: () => undefined });
}
