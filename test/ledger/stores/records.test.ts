import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryRecords } from "../../../src/ledger/stores/memory-records.ts";
import { openSqliteStore } from "../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { describeRecordStore } from "../record-suite.ts";

describeRecordStore("memory", async () => ({ records: createMemoryRecords(), close: async () => undefined }));

describeRecordStore("SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "records-"));
  const store = await openSqliteStore({
    directory,
    retention: { rowsMs: 1e9, minutesMs: 1e9, hoursMs: 1e9 },
    metadataKeys: [],
    isSpool: false,
    onChange: () => undefined,
  });
  return {
    records: store.records,
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
