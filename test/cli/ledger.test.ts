import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createClient } from "../../src/client/index.ts";
import { createWriter } from "../../src/ledger/stores/sqlite/writer.ts";
import { type ServeProcess, startProgram, startServe } from "../support/serve.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ep-ledger-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const FREE_PORTS = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0", EP_ADMIN_ADDR: "127.0.0.1:0" };

/** Makes a ledger, and writes over the first page of one of its tables. */
function breakTable(file: string, table: string): void {
  const options = { retention: { rowsMs: 1e15, minutesMs: 1e15, hoursMs: 1e15 }, metadataKeys: [], isSpool: false };
  createWriter({ ...options, directory: dirname(file) }).close();
  const db = new DatabaseSync(file);
  const page = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table)?.rootpage);
  db.close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xaa, (page - 1) * 4096, page * 4096));
}

async function attemptsOf({ httpUrl }: ServeProcess): Promise<unknown> {
  const answer = await fetch(`${httpUrl}/v1/costs`);
  const { total } = (await answer.json()) as { readonly total: { readonly attempts: string } };
  return total.attempts;
}

describe("the ledger of a process", () => {
  // Mutant seen red: the ledger in memory.
  test("is there after a kill, with every call whose end was told", async () => {
    const first = await startServe({ workingDirectory: directory });
    try {
      const client = createClient({ baseUrl: first.grpcUrl });
      for (let call = 0; call < 3; call += 1) await client.persona("default").chat("Hi").collect();
    } finally {
      // It is killed, and does not drain.
      await first.stop();
    }
    const second = await startServe({ workingDirectory: directory });
    try {
      expect(await attemptsOf(second)).toBe("3");
    } finally {
      await second.stop();
    }
  });

  test("is one process's alone: another one ends with one line that says what to do", async () => {
    const owner = await startServe({ workingDirectory: directory });
    try {
      const environment = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0" };
      const second = startProgram(["serve"], { workingDirectory: directory, environment });
      expect(await second.ended).toBe(1);
      expect(second.stderr()).toMatch(
        /^error: another process keeps its ledger in [^\n]*; stop it, or [^\n]*EP_DATA_DIR[^\n]*\n$/,
      );
    } finally {
      await owner.stop();
    }
  });

  // Mutant seen red: mkdirSync with `recursive`, which never ends there. The watchdog is what ends it then.
  test("is refused where no directory can be made", async () => {
    const environment = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0", EP_DATA_DIR: "/proc/nowhere/data" };
    const refused = startProgram(["serve"], { workingDirectory: directory, environment });
    const watchdog = setTimeout(() => refused.child.kill("SIGKILL"), 20_000);
    expect(await refused.ended).toBe(1);
    clearTimeout(watchdog);
    expect(refused.stderr()).toMatch(/^error: the data directory [^\n]*data cannot be made [^\n]*EP_DATA_DIR[^\n]*\n$/);
  }, 30_000);

  // Mutants seen red: `opened` says what was thrown as it is; what is kept that cannot be read is thrown as it is.
  test.each<[string, (file: string) => void, string]>([
    ["is a directory", mkdirSync, "EISDIR.*make it a file that this user may read"],
    ["has broken rows", (file) => breakTable(file, "attempts"), "malformed\\); restore a backup"],
    ["has broken records", (file) => breakTable(file, "records"), "malformed\\); restore a backup"],
  ])("whose file %s is a refusal to start, with its place and what to do", async (_, spoil, line) => {
    const data = join(directory, "data");
    mkdirSync(data);
    spoil(join(data, "ledger.db"));
    const refused = startProgram(["serve"], { workingDirectory: directory, environment: FREE_PORTS });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toMatch(new RegExp(`^error: the ledger [^\\n]*${data}[^\\n]*${line}[^\\n]*\\n$`));
  });

  test("that cannot be where it is wanted is a refusal to start", async () => {
    writeFileSync(join(directory, "data"), "no directory");
    const environment = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0" };
    const refused = startProgram(["serve"], { workingDirectory: directory, environment });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toMatch(/^error: the data directory [^\n]*data cannot be written to [^\n]*\n$/);
  });
});
