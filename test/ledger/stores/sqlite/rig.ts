import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { afterAll } from "@jest/globals";
import type { AttemptRow, OpenAttempt } from "../../../../src/ledger/store.ts";
import type { Retention } from "../../../../src/ledger/stores/sqlite/retention.ts";
import { createWriter, LEDGER_FILE, type Writer } from "../../../../src/ledger/stores/sqlite/writer.ts";

const made: string[] = [];
afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is gone after the tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ep-ledger-"));
  made.push(directory);
  return directory;
}

/** So many days in milliseconds. */
export function days(count: number): number {
  return count * 86_400_000;
}

/** Keeps everything. */
const FOR_EVER: Retention = { rowsMs: days(100_000), minutesMs: days(100_000), hoursMs: days(100_000) };

/** The writer of a directory, in this thread. */
export function openWriter(directory: string, retention = FOR_EVER, metadataKeys: readonly string[] = []): Writer {
  return createWriter({ directory, retention, metadataKeys, isSpool: false });
}

/** What a row says before its end. */
export function beginningOf({ usage: _usage, costNanoUsd: _cost, ...attempt }: AttemptRow): OpenAttempt {
  return attempt;
}

/** Asks a ledger's file, as anybody may who can read it. */
export function ask(directory: string, sql: string): readonly Readonly<Record<string, SQLOutputValue>>[] {
  const db = new DatabaseSync(join(directory, LEDGER_FILE), { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
