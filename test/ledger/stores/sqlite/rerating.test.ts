import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { rerateLedger } from "../../../../src/ledger/stores/sqlite/rerating.ts";
import { openSqliteStore } from "../../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { attemptRow } from "../../attempt-row.ts";
import { costsOf, describeRerating, NOON, type RerateRig, readingsOf, settle, to, WHOLE } from "../../rerate-suite.ts";

const FOR_EVER_MS = 100_000 * 86_400_000;

function createRig(): RerateRig & { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const select = (query: string): readonly string[][] => {
    const db = new DatabaseSync(join(directory, "ledger.db"), { readOnly: true });
    const found = db.prepare(query).all();
    db.close();
    return found.map((row) => Object.values(row).map((value) => String(value ?? "")));
  };
  return {
    directory,
    open: (metadataKeys = []) =>
      openSqliteStore({
        directory,
        retention: { rowsMs: FOR_EVER_MS, minutesMs: FOR_EVER_MS, hoursMs: FOR_EVER_MS },
        metadataKeys,
        isSpool: false,
        onChange: () => undefined,
      }),
    rerate: async (decide, window, write) => rerateLedger(directory, window, decide, { write, nowMs: NOON }),
    ...readingsOf(select),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

describeRerating("files", async () => createRig());

let rig: ReturnType<typeof createRig>;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.close());

// Mutant seen red: corrected for rows that are in no roll-up.
test("pricing anew reaches rows that are in no roll-up yet, once", async () => {
  await settle(rig, [{}]);
  const db = new DatabaseSync(join(rig.directory, "ledger.db"));
  db.exec("DELETE FROM sums; UPDATE meta SET value = 0 WHERE name = 'rolled_up'");
  db.close();
  await rig.rerate(() => to(30n), WHOLE, true);
  expect(await costsOf(rig, { groupBy: [] })).toEqual([["", 30n, 0n]]);
});

test("pricing anew only reads beside a process that has the ledger, and is refused there if it is to write", async () => {
  const store = await rig.open();
  await store.settle(attemptRow());
  await rig.rerate(() => to(1n), WHOLE, false);
  await expect(rig.rerate(() => to(1n), WHOLE, true)).rejects.toThrow("another process keeps its ledger");
  await store.close();
  expect(() => rerateLedger(join(rig.directory, "none"), WHOLE, () => to(1n), { write: true, nowMs: NOON })).toThrow(
    "there is no ledger",
  );
});
