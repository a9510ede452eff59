import { resolve } from "node:path";
import type { BuildContext } from "./build-provider.ts";
import type { LedgerSettings } from "./config.ts";
import type { FileValues } from "./file-schema.ts";

/** Builds the settings of the ledger. Sums by hour that go before those by minute are a problem: what is asked for could not be put together. */
export function buildLedger(
  { data_dir, ledger }: Pick<FileValues, "data_dir" | "ledger">,
  cwd: string,
  { problem }: BuildContext,
): LedgerSettings {
  if (ledger.keep_hours < ledger.keep_minutes) {
    problem(["ledger", "keep_hours"], "must not be shorter than ledger.keep_minutes");
  }
  return {
    store: ledger.store,
    directory: resolve(cwd, data_dir),
    keepRowsMs: ledger.keep_rows,
    keepMinutesMs: ledger.keep_minutes,
    keepHoursMs: ledger.keep_hours,
    metadataKeys: ledger.metadata_keys,
  };
}
