import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../src/ledger/stores/sqlite/sqlite-store.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { usageOf } from "../ledger/prices/rig.ts";
import { runCommand } from "./run-command.ts";

const noon = Date.UTC(2026, 10, 26, 12);
let directory: string;

const open = () =>
  openSqliteStore({
    directory: join(directory, "data"),
    retention: { rowsMs: 1e15, minutesMs: 1e15, hoursMs: 1e15 },
    metadataKeys: [],
    isSpool: false,
    onChange: () => undefined,
  });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "ep-rerate-"));
  const file = `
providers: { near: { kind: openai, base_url: "http://127.0.0.1:9/v1" } }
prices: { file: prices.yaml }
`;
  writeFileSync(join(directory, "execution-platform.yaml"), file);
  writeFileSync(
    join(directory, "prices.yaml"),
    "instances: { near: [{ models: [m], rates: { input: 3, output: 0 } }] }\n",
  );
  const usage = usageOf({ inputTotal: 1_000, outputTotal: 5 });
  const store = await open();
  await store.settle(attemptRow({ attemptId: "1", usage, costNanoUsd: 1_000_000n }));
  await store.settle(attemptRow({ attemptId: "2", usage, costNanoUsd: 3_000_000n, endedAtMs: noon + 1 }));
  await store.settle(attemptRow({ attemptId: "3", usage, provider: "gone" }));
  await store.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const rerate = (...args: readonly string[]) =>
  runCommand(["costs", "rerate", "--from", "2026-11-01", "--to", "2026-12-01", ...args], {
    workingDirectory: directory,
  });

function execute(file: string, statements: string): void {
  const db = new DatabaseSync(file);
  db.exec(statements);
  db.close();
}

function replaceBy(file: string, statements: string): void {
  rmSync(file);
  execute(file, statements);
}

function replaceByDirectory(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

/** Everything but the first page, which has the schema. */
function breakPages(file: string): void {
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xaa, 4096));
}

describe("costs rerate", () => {
  // Mutant seen red: written without being told to.
  test("shows what it would change, writes it when told to, and then finds nothing more", async () => {
    const table = `day         provider  model  attempts  USD before  USD after  difference
2026-11-26  near      m             1       0.001      0.003      +0.002
total                               1       0.001      0.003      +0.002

Attempts that cost what they did: 1.
Attempts left alone that are of provider instances that are not configured, or free, now: 1.
`;
    const shown = `${table}Nothing was written; --write does that.\n`;
    for (const stdout of [shown, shown]) expect(await rerate()).toEqual({ status: 0, stdout, stderr: "" });
    const written = await rerate("--write");
    expect(written.stdout).toBe(
      `${table}Written. What each attempt cost before, and by which prices, is in the ledger's table rerated.\n`,
    );
    const { stdout } = await rerate("--write");
    expect(stdout).toContain("Attempts that cost what they did: 2.");
    expect(stdout).toContain("No attempt costs anything else.");
  });

  test("does not write into the ledger of a process that runs", async () => {
    const store = await open();
    expect((await rerate()).status).toBe(0);
    const { status, stderr } = await rerate("--write");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: another process keeps its ledger in .*data; stop it/),
    ]);
    await store.close();
  });

  // Mutants seen red: a dry run without expectLedger; without knownVersion in it; errors of SQLite's as they are; a usage that cannot be read as it is thrown.
  test.each<[string, (file: string) => void, RegExp]>([
    [
      "text",
      (file) => writeFileSync(file, "no database ".repeat(1000)),
      /\(file is not a database\); restore a backup/,
    ],
    ["empty", (file) => writeFileSync(file, ""), /ledger\.db is no ledger; name the data directory/],
    ["a directory", replaceByDirectory, /ledger\.db is no ledger; name the data directory/],
    ["another program's", (file) => replaceBy(file, "CREATE TABLE songs (name TEXT)"), /is no ledger; name the data/],
    [
      "another program's with a version",
      (file) => replaceBy(file, "CREATE TABLE s (n); PRAGMA user_version = 2"),
      /is no/,
    ],
    [
      "a newer program's",
      (file) => execute(file, "PRAGMA user_version = 99"),
      /by a newer program \(schema 99, .*; start/,
    ],
    ["broken inside", breakPages, /\(database disk image is malformed\); restore a backup/],
    [
      "of rows that are none",
      (file) => execute(file, "UPDATE attempts SET usage = x'ff'"),
      /attempt 1 cannot be read; re/,
    ],
  ])(
    "says in one line what is bad of a ledger that is %s, and what to do, and leaves it as it is",
    async (_, spoil, line) => {
      const file = join(directory, "data", "ledger.db");
      spoil(file);
      const before = statSync(file).isFile() ? readFileSync(file) : undefined;
      for (const args of [[], ["--write"]]) {
        const { status, stdout, stderr } = await rerate(...args);
        expect([status, stdout, stderr]).toEqual([1, "", expect.stringMatching(line)]);
        expect(stderr).toContain(file);
        expect(stderr.trimEnd()).not.toContain("\n");
      }
      if (before !== undefined) expect(readFileSync(file).equals(before)).toBe(true);
    },
  );

  // Mutant seen red: the check left out.
  test("is refused a window without time", async () => {
    const run = (...args: readonly string[]) =>
      runCommand(["costs", "rerate", ...args], { workingDirectory: directory });
    for (const to of ["2026-11-26", "2026-11-27"]) {
      const { status, stderr } = await run("--from", "2026-11-27", "--to", to);
      expect([status, stderr]).toEqual([1, "error: --from must be before --to\n"]);
    }
    const { status, stderr } = await run("--from", "9999-01-01");
    expect([status, stderr]).toEqual([1, "error: --from must be before now, which --to is by default\n"]);
  });

  test("needs a ledger that is there, and to be told from when on", async () => {
    const inMemory = await runCommand(["costs", "rerate", "--from", "1d"], {
      workingDirectory: directory,
      environment: { EP_LEDGER_STORE: "memory" },
    });
    expect(inMemory.stderr).toContain("the ledger is kept in memory");
    const elsewhere = await runCommand(["costs", "rerate", "--from", "1d"], {
      workingDirectory: directory,
      environment: { EP_DATA_DIR: "nowhere" },
    });
    expect(elsewhere.stderr).toMatch(/there is no ledger in .*nowhere/);
    expect((await runCommand(["costs", "rerate"], { workingDirectory: directory })).status).toBe(1);
  });
});
