import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "@jest/globals";
import { openSqliteStore } from "../src/ledger/stores/sqlite/sqlite-store.ts";
import { startTestGateway } from "./support/gateway.ts";
import { testConfig } from "./support/routing.ts";

const directory = mkdtempSync(join(tmpdir(), "ep-gateway-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const dayMs = 86_400_000;

/** Whether somebody has the ledger of the directory open. */
async function isLedgerOpen(): Promise<boolean> {
  try {
    const store = await openSqliteStore({
      ...{ directory, metadataKeys: [], isSpool: false },
      retention: { rowsMs: dayMs, minutesMs: dayMs, hoursMs: dayMs },
      onChange: () => undefined,
    });
    await store.close();
    return false;
  } catch {
    return true;
  }
}

/** Longer than a ledger takes to close. */
const CLOSED_MS = 500;

// Mutant seen red: both are closed at once.
test("the ledger is there until the counters, which are filled from it, are closed", async () => {
  const found: boolean[] = [];
  const gateway = await startTestGateway({
    config: { ledger: { ...testConfig().ledger, store: "sqlite", directory } },
    watchCounters: (counters) => ({
      ...counters,
      close: async () => {
        await sleep(CLOSED_MS);
        found.push(await isLedgerOpen());
        await counters.close();
      },
    }),
  });
  await gateway.stop();
  expect([...found, await isLedgerOpen()]).toEqual([true, false]);
});
