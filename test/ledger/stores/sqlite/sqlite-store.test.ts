import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { describeAttempts } from "../../attempt-suite.ts";
import { describeLedgerStore, SUITE_METADATA_KEYS } from "../../store-suite.ts";

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const days = (count: number): number => count * 86_400_000;

async function open(directory = mkdtempSync(join(tmpdir(), "ledger-"))) {
  directories.push(directory);
  return openSqliteStore({
    directory,
    retention: { rowsMs: days(100_000), minutesMs: days(100_000), hoursMs: days(100_000) },
    metadataKeys: SUITE_METADATA_KEYS,
    isSpool: false,
    onChange: () => undefined,
  });
}

describeLedgerStore("SQLite", open, 3);
describeAttempts("SQLite", open);

// Only Linux gives a thread a priority of its own, and shows it there. Mutant seen red: the reader keeps its priority.
(existsSync("/proc/thread-self") ? test : test.skip)("SQLite answers questions behind those who commit", async () => {
  // What follows the name in brackets: the state is field 3, the nice value field 19 (proc_pid_stat(5)).
  const niceOf = (thread: string): number =>
    Number(
      readFileSync(`/proc/self/task/${thread}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ")[16],
    );
  const threads = (): readonly string[] => readdirSync("/proc/self/task");
  const store = await open();
  const before = new Set(threads());
  await store.attempts({ startMs: 0, endMs: 1, limit: 1, filter: {} });
  const begun = threads().filter((thread) => !before.has(thread));
  expect(begun.map(niceOf)).toContain(Math.min(19, getPriority() + 10));
  await store.close();
});

// Whatever is asked is answered from the roll-ups alone: closing the store brings them up to date.
describeLedgerStore(
  "SQLite, closed and opened again before every question",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "ledger-"));
    let store = await open(directory);
    let isRolledUp = false;
    return {
      metadataKeys: store.metadataKeys,
      open: (attempt) => store.open(attempt),
      checkpoint: (checkpoint) => store.checkpoint(checkpoint),
      settle: (row) => {
        isRolledUp = false;
        return store.settle(row);
      },
      isWritable: () => store.isWritable(),
      costs: async (query) => {
        if (!isRolledUp) {
          await store.close();
          store = await open(directory);
          isRolledUp = true;
        }
        return store.costs(query);
      },
      attempts: (query) => store.attempts(query),
      records: { all: (sort) => store.records.all(sort), change: (change) => store.records.change(change) },
      close: () => store.close(),
    };
  },
  3,
);
