import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecutionError } from "../../../src/errors.ts";
import type { AttemptRow, LedgerStore } from "../../../src/ledger/store.ts";
import { openSqliteStore } from "../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { attemptRow } from "../../ledger/attempt-row.ts";

// Fills the disk under a ledger while attempts run, and makes room again: `node test/chaos/ledger/full-disk.ts`, as root, on Linux. What runs is settled
// from the reserve, what is new is refused with LEDGER_UNAVAILABLE, and once there is room attempts can be opened again, without a start.
//
// Mutants seen red: no reserve; opens go on from the reserve; nobody asks whether there is room again.

const RUNNING = 200;
const DAY_MS = 86_400_000;

const directory = mkdtempSync(join(tmpdir(), "ep-full-disk-"));
execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", directory]);
const findings: { readonly text: string; readonly holds: boolean }[] = [];
const check = (text: string, holds: boolean): void => {
  findings.push({ text, holds });
  console.log(`${holds ? "" : "FAILED "}${text}`);
};
try {
  await play();
} finally {
  execFileSync("umount", ["-l", directory]);
  rmSync(directory, { recursive: true, force: true });
}
const failed = findings.filter(({ holds }) => !holds).length;
console.log(`${findings.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function play(): Promise<void> {
  const store = await open();
  const running = Array.from({ length: RUNNING }, () => attemptRow());
  await Promise.all(running.map((row) => store.open(row)));
  const filler = join(directory, "filler");
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
  const refused = await untilRefused(store);
  check(`new attempts are refused with ${refused}`, refused === "LEDGER_UNAVAILABLE");
  check("the store says that it cannot be written to", !store.isWritable());
  for (const { attemptId } of running) store.checkpoint({ attemptId, priceVersion: "", atMs: Date.now() });
  const ended = await Promise.allSettled(running.map((row) => store.settle(row)));
  const settled = ended.filter(({ status }) => status === "fulfilled").length;
  check(`${settled} of ${RUNNING} that ran were settled on the full disk`, settled === RUNNING);
  rmSync(filler);
  const begunMs = performance.now();
  while (!store.isWritable() && performance.now() - begunMs < 5_000) await sleep(20);
  check(
    `attempts can be opened again ${Math.round(performance.now() - begunMs)} ms after there is room`,
    store.isWritable(),
  );
  const last: AttemptRow = attemptRow();
  await store.open(last);
  await store.settle(last);
  await store.close();
  const db = new DatabaseSync(join(directory, "data", "ledger.db"));
  const ids = new Set(
    db
      .prepare("SELECT attempt_id FROM attempts")
      .all()
      .map(({ attempt_id }) => attempt_id),
  );
  check(
    "every row that was settled is there",
    [...running, last].every(({ attemptId }) => ids.has(attemptId)),
  );
  check("the file is whole", db.prepare("PRAGMA integrity_check").get()?.integrity_check === "ok");
  db.close();
}

function open(): ReturnType<typeof openSqliteStore> {
  return openSqliteStore({
    directory: join(directory, "data"),
    retention: { rowsMs: 30 * DAY_MS, minutesMs: 7 * DAY_MS, hoursMs: 90 * DAY_MS },
    metadataKeys: [],
    isSpool: false,
    onChange: (isWritable, why) =>
      console.log(`  ${isWritable ? "can be written to" : `cannot be written to: ${why}`}`),
  });
}

/** Opens attempts until one is refused, and says by what reason. */
async function untilRefused(store: LedgerStore): Promise<string> {
  for (let count = 0; count < 20_000; count += 1) {
    try {
      await store.open(attemptRow());
    } catch (thrown) {
      return thrown instanceof ExecutionError ? thrown.reason : String(thrown);
    }
  }
  return "nothing";
}
