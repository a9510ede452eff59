import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
