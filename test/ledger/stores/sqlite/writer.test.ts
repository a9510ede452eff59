import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { unknownUsage } from "../../../../src/contract/usage.ts";
import { AttemptOutcome, Billed, UsageSource } from "../../../../src/gen/execution/v1/usage_pb.js";
import { LedgerOpenError } from "../../../../src/ledger/open-error.ts";
import { readCosts } from "../../../../src/ledger/stores/sqlite/reader.ts";
import {
  checkpointOperation,
  type Operation,
  openOperation,
  settleOperation,
  withdrawal,
} from "../../../../src/ledger/stores/sqlite/wire.ts";
import { LEDGER_FILE } from "../../../../src/ledger/stores/sqlite/writer.ts";
import { attemptRow } from "../../attempt-row.ts";
import { costQuery } from "../../store-suite.ts";
import { ask, beginningOf, days, openWriter, temporaryDirectory } from "./rig.ts";

const noon = Date.UTC(2026, 10, 26, 12);

/** Leaves a ledger as a process does that is killed: nothing is rolled up or settled any more. */
function leave(directory: string, ...operations: Parameters<ReturnType<typeof openWriter>["commit"]>[0]): void {
  const writer = openWriter(directory);
  expect(writer.commit(operations).outcome).toBe("done");
  writer.close();
}

/** Mutants seen red: attempts that are open stay so at a start; they are settled and stay open; the checkpoint is not looked at; seq begins anew. */
describe("attempts that were open when their process ended", () => {
  test("are settled at the next start, as interrupted ones that may be billed, with what was last noted of them", () => {
    const directory = temporaryDirectory();
    const row = attemptRow({ startedAtMs: noon });
    const usage = { ...unknownUsage(), inputTotal: 7, outputTotal: 300, source: UsageSource.ESTIMATED };
    leave(
      directory,
      openOperation(beginningOf(row)),
      checkpointOperation({
        attemptId: row.attemptId,
        usage: { ...usage, outputTotal: 1 },
        costNanoUsd: 1n,
        priceVersion: "v",
        atMs: noon + 1000,
      }),
      checkpointOperation({ attemptId: row.attemptId, usage, costNanoUsd: 42n, priceVersion: "v", atMs: noon + 2000 }),
    );
    const writer = openWriter(directory);
    writer.close();
    expect(writer.recovered).toBe(1);
    expect(ask(directory, "SELECT * FROM open_attempts")).toEqual([]);
    expect(ask(directory, "SELECT * FROM attempts")).toEqual([
      expect.objectContaining({
        attempt_id: row.attemptId,
        outcome: AttemptOutcome.FAILED,
        reason: "INTERRUPTED",
        billed: Billed.UNKNOWN,
        input_tokens: 7,
        output_tokens: 300,
        cost_nano_usd: 42,
        price_version: "v",
        ended_at_ms: noon + 2000,
      }),
    ]);
  });

  test("of which nothing was noted have no usage and no cost, unless they are free", () => {
    const directory = temporaryDirectory();
    const [first, second] = ["attempt_1", "attempt_2"].map((attemptId) => beginningOf(attemptRow({ attemptId })));
    if (first === undefined || second === undefined) throw new Error("there are two");
    leave(directory, openOperation({ ...second, costNanoUsd: 0n }), openOperation(first));
    openWriter(directory).close();
    expect(ask(directory, "SELECT output_tokens, cost_nano_usd FROM attempts ORDER BY seq")).toEqual([
      { output_tokens: null, cost_nano_usd: null },
      { output_tokens: null, cost_nano_usd: 0 },
    ]);
  });

  test("are settled once, however often a start is cut off, and in the order of rows", () => {
    const directory = temporaryDirectory();
    const row = attemptRow();
    leave(directory, openOperation(beginningOf(row)), settleOperation(attemptRow({ attemptId: "attempt_a" })));
    for (let start = 0; start < 3; start += 1) openWriter(directory).close();
    leave(directory, settleOperation(row), settleOperation(attemptRow({ attemptId: "attempt_b" })));
    expect(ask(directory, "SELECT seq, attempt_id FROM attempts ORDER BY seq")).toEqual([
      { seq: 1, attempt_id: "attempt_a" },
      { seq: 2, attempt_id: row.attemptId },
      { seq: 3, attempt_id: "attempt_b" },
    ]);
  });
});

// Mutant seen red: the attempt stays, and is settled as one that may be billed.
test("an attempt that was entered and is taken back is not settled by the next start", () => {
  const directory = temporaryDirectory();
  const [kept, taken] = ["attempt_1", "attempt_2"].map((attemptId) =>
    openOperation(beginningOf(attemptRow({ attemptId }))),
  );
  if (kept === undefined || taken === undefined) throw new Error("there are two");
  leave(directory, kept, taken, withdrawal(taken));
  const writer = openWriter(directory);
  writer.close();
  expect(writer.recovered).toBe(1);
  expect(ask(directory, "SELECT attempt_id FROM attempts")).toEqual([{ attempt_id: "attempt_1" }]);
});

describe("a ledger's directory", () => {
  test("is made with what is above it, for its owner only", () => {
    const directory = join(temporaryDirectory(), "a", "b");
    openWriter(directory).close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  // Mutant seen red: the file left to SQLite.
  test("that was there, and open to all, holds files that only its owner reads", () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const writer = openWriter(directory);
    writer.commit([settleOperation(attemptRow({}))]);
    for (const name of [LEDGER_FILE, `${LEDGER_FILE}-wal`, "owner.lock"])
      expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
    writer.close();
  });

  // Mutant seen red: no lock on the directory.
  test("has one owner at a time", () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    expect(() => openWriter(directory)).toThrow(
      /another process keeps its ledger in .*; stop it, or give this one a directory of its own/,
    );
    writer.close();
    openWriter(directory).close();
  });

  // Mutant seen red: the version is not looked at.
  test("of a newer program is refused, and left as it is", () => {
    const directory = temporaryDirectory();
    openWriter(directory).close();
    const db = new DatabaseSync(join(directory, LEDGER_FILE));
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(() => openWriter(directory)).toThrow(LedgerOpenError);
    expect(() => openWriter(directory)).toThrow(/written by a newer program \(schema 99/);
    expect(ask(directory, "PRAGMA user_version")).toEqual([{ user_version: 99 }]);
  });

  test("that is a file, or that holds something else, is refused with what to do", () => {
    const directory = temporaryDirectory();
    const file = join(directory, "file");
    writeFileSync(file, "");
    expect(() => openWriter(file)).toThrow(/cannot be written to .*EP_DATA_DIR/);
    const other = join(directory, "other");
    mkdirSync(other);
    writeFileSync(join(other, LEDGER_FILE), "no database ".repeat(100));
    expect(() => openWriter(other)).toThrow(LedgerOpenError);
  });

  // Mutants seen red: tables of others are not looked for; what recovery throws is not told with its file.
  test("whose file is another program's database, or one that is broken inside, is refused by its name, and left as it is", () => {
    const directory = temporaryDirectory();
    const db = new DatabaseSync(join(directory, LEDGER_FILE));
    db.exec("CREATE TABLE users (id)");
    expect(() => openWriter(directory)).toThrow(/ledger\.db is a database of something else; move it away/);
    expect(ask(directory, "SELECT name FROM sqlite_schema")).toEqual([{ name: "users" }]);
    db.exec("PRAGMA user_version = 3");
    db.close();
    expect(() => openWriter(directory)).toThrow(/the ledger .*ledger\.db cannot be opened \(.*\); restore a backup/);
    rmSync(join(directory, LEDGER_FILE));
    openWriter(directory).close();
  });
});

describe("a ledger whose files are taken away while it is open", () => {
  // Mutants seen red: the files are not looked at before a commit, a probe or a change; only that of the rows is; that a file is there is enough.
  test.each([LEDGER_FILE, `${LEDGER_FILE}-wal`])(
    "takes nothing until %s is back, and has what it took before",
    (name) => {
      const directory = temporaryDirectory();
      const writer = openWriter(directory);
      const [path, away] = [join(directory, name), join(directory, "away")];
      const change = { sort: "s", id: "i", version: 0, body: "b", changedBy: "k", changedAtMs: noon };
      expect(writer.commit([settleOperation(attemptRow({ attemptId: "attempt_a" }))]).outcome).toBe("done");
      renameSync(path, away);
      const refused = { outcome: "failed", isWritable: false, why: expect.stringContaining(`${name} was taken away`) };
      expect(writer.commit([settleOperation(attemptRow({ attemptId: "attempt_b" }))])).toMatchObject(refused);
      expect(writer.probe()).toMatchObject(refused);
      expect(() => writer.change(change)).toThrow("was taken away");
      writeFileSync(path, "");
      expect(writer.probe()).toMatchObject(refused);
      renameSync(away, path);
      expect(writer.probe()).toMatchObject({ outcome: "done", isWritable: true });
      expect(writer.change(change)).toBe(true);
      expect(writer.commit([settleOperation(attemptRow({ attemptId: "attempt_b" }))]).outcome).toBe("done");
      expect(ask(directory, "SELECT attempt_id FROM attempts")).toEqual([
        { attempt_id: "attempt_a" },
        { attempt_id: "attempt_b" },
      ]);
      writer.close();
    },
  );
});

describe("a writer where more goes wrong than what is written", () => {
  // Mutants seen red: release() without its catch; one that says true then.
  test("says so, and goes on, if a disk is full and the reserve cannot be taken away", () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    const reserve = join(directory, "reserve");
    rmSync(reserve);
    mkdirSync(reserve);
    writeFileSync(join(reserve, "file"), "");
    let tries = 0;
    const full: Operation = {
      kind: "settle",
      get values(): never {
        tries += 1;
        // SQLITE_FULL.
        throw Object.assign(new Error("planted"), { errcode: 13 });
      },
    };
    expect(writer.commit([full])).toMatchObject({ outcome: "failed", why: "planted", isWritable: false });
    expect(tries).toBe(1);
    expect(writer.probe()).toMatchObject({ outcome: "failed", isWritable: false });
    rmSync(reserve, { recursive: true });
    expect(writer.probe()).toMatchObject({ outcome: "done", isWritable: true });
    expect(writer.commit([settleOperation(attemptRow({}))])).toMatchObject({ outcome: "done", isWritable: true });
    writer.close();
  });

  // Mutant seen red: rollBack() without its catch. Of a database that is closed everything throws, so that rolling back does too.
  test("says that it failed, and throws nothing, if it cannot be rolled back either", () => {
    const writer = openWriter(temporaryDirectory());
    writer.close();
    expect(writer.commit([settleOperation(attemptRow({}))])).toMatchObject({ outcome: "failed", isWritable: false });
    expect(writer.probe()).toMatchObject({ outcome: "failed", isWritable: false });
  });
});

describe("roll-ups", () => {
  const costs = (directory: string, query: Parameters<typeof costQuery>[0] = {}) => {
    const db = new DatabaseSync(join(directory, LEDGER_FILE), { readOnly: true });
    try {
      return readCosts(db, costQuery(query));
    } finally {
      db.close();
    }
  };

  // Mutants seen red: the mark is not moved with the sums; the rows after the mark are not read; rows of before the mark are.
  test("have each row once, whatever of them is rolled up when it is asked for", () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    for (let count = 1; count <= 6; count += 1) {
      writer.commit([settleOperation(attemptRow({ endedAtMs: noon + count * 61_000 }))]);
      if (count % 2 === 0) writer.rollUp();
      expect(costs(directory).total).toMatchObject({ attempts: BigInt(count), costNanoUsd: BigInt(count) * 100n });
    }
    writer.rollUp();
    writer.rollUp();
    expect(costs(directory).total.attempts).toBe(6n);
    writer.close();
  });

  test("keep declared metadata apart, and no other", () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory, undefined, ["team"]);
    const metadata = [{ team: "a", call: "1" }, { call: "2", team: "a" }, { call: "3" }, {}];
    writer.commit(metadata.map((each) => settleOperation(attemptRow({ metadata: each }))));
    writer.rollUp();
    writer.close();
    const kept =
      "SELECT l.metadata, s.attempts FROM sums s JOIN labels l ON l.id = s.label WHERE s.grain = 2 AND s.level = 0 ORDER BY 1";
    expect(ask(directory, kept)).toEqual([
      { metadata: "", attempts: 2 },
      { metadata: '{"team":"a"}', attempts: 2 },
    ]);
  });

  // Mutants seen red: minutes are read where they are gone; rows go that are not rolled up.
  test("outlive the rows and the finer sums they are made of", () => {
    const directory = temporaryDirectory();
    const retention = { rowsMs: days(30), minutesMs: days(7), hoursMs: days(90) };
    const writer = openWriter(directory, retention);
    const ages = [0, 1, 8, 31, 89, 91, 400];
    const ended = ages.map((age) => noon - days(age));
    writer.commit(ended.map((endedAtMs) => settleOperation(attemptRow({ endedAtMs }))).toReversed());
    writer.clean(noon + 1);
    while (writer.rollUp());
    while (writer.clean(noon + 1));
    const window = { startMs: noon - days(1000), endMs: noon + days(1) };
    expect(costs(directory, window).total.attempts).toBe(7n);
    // Out to what is kept: the hour of eight days ago, the day of 91 and of 400 days ago.
    for (const endedAtMs of ended) {
      expect(costs(directory, { startMs: endedAtMs, endMs: endedAtMs + 60_000 }).total.attempts).toBe(1n);
    }
    expect(costs(directory, { startMs: noon - days(8) - 120_000, endMs: noon - days(8) - 60_000 }).total.attempts).toBe(
      0n,
    );
    expect(
      costs(directory, { startMs: noon - days(91) + 60_000, endMs: noon - days(91) + 120_000 }).total.attempts,
    ).toBe(1n);
    expect(ask(directory, "SELECT count(*) AS n FROM attempts")).toEqual([{ n: 3 }]);
    expect(ask(directory, "SELECT grain, count(*) AS n FROM sums WHERE level = 3 GROUP BY grain")).toEqual([
      { grain: 0, n: 2 },
      { grain: 1, n: 5 },
      { grain: 2, n: 7 },
    ]);
    writer.close();
  });
});
