import { resolve } from "node:path";
import { buildDatabase } from "./build-database.ts";
import type { BuildContext } from "./build-provider.ts";
import type { LedgerSettings } from "./config.ts";
import type { FileValues } from "./file-schema.ts";
import type { Tree } from "./tree.ts";

/** Builds the settings of the ledger. Sums by hour that go before those by minute are a problem: what is asked for could not be put together. */
export function buildLedger(
  { data_dir, ledger }: Pick<FileValues, "data_dir" | "ledger">,
  { tree, cwd }: { readonly tree: Tree; readonly cwd: string },
  context: BuildContext,
): LedgerSettings {
  const { problem } = context;
  if (ledger.keep_hours < ledger.keep_minutes) {
    problem(["ledger", "keep_hours"], "must not be shorter than ledger.keep_minutes");
  }
  const isShared = ledger.store === "postgres";
  if (!isShared && ledger.url !== undefined) {
    problem(["ledger", "url"], `has no use with the store ${ledger.store}; write store: postgres, or leave it out`);
  }
  const database = isShared ? buildDatabase(ledger, tree, context) : undefined;
  return {
    store: ledger.store,
    directory: resolve(cwd, data_dir),
    keepRowsMs: ledger.keep_rows,
    keepMinutesMs: ledger.keep_minutes,
    keepHoursMs: ledger.keep_hours,
    metadataKeys: ledger.metadata_keys,
    maxSpoolRows: ledger.max_spool_rows,
    ...(database === undefined ? {} : { database }),
  };
}
