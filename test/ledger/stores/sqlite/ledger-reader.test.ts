import { Worker } from "node:worker_threads";
import { expect, test } from "@jest/globals";
import { createLedgerReader } from "../../../../src/ledger/stores/sqlite/ledger-reader.ts";
import { openSqliteStore } from "../../../../src/ledger/stores/sqlite/sqlite-store.ts";
import { attemptRow } from "../../attempt-row.ts";
import { costQuery } from "../../store-suite.ts";
import { days, temporaryDirectory } from "./rig.ts";

const attemptQuery = { startMs: 0, endMs: 1, filter: {}, limit: 1 };
const refusal = { reason: "LEDGER_UNAVAILABLE" };

function open(directory: string) {
  return openSqliteStore({
    directory,
    retention: { rowsMs: days(100_000), minutesMs: days(100_000), hoursMs: days(100_000) },
    metadataKeys: [],
    isSpool: false,
    onChange: () => undefined,
  });
}

// Mutant seen red: a reader that is closed takes questions, which nobody answers.
test("a ledger that is closed answers what it was asked before, and refuses what it is asked then", async () => {
  const store = await open(temporaryDirectory());
  await store.settle(attemptRow());
  const questions = [store.costs(costQuery()), store.costs(costQuery())];
  const closing = store.close();
  await expect(store.costs(costQuery())).rejects.toMatchObject(refusal);
  expect(await Promise.all(questions)).toMatchObject([{ total: { attempts: 1n } }, { total: { attempts: 1n } }]);
  await closing;
  await expect(store.costs(costQuery())).rejects.toMatchObject(refusal);
  await expect(store.attempts(attemptQuery)).rejects.toMatchObject(refusal);
});

// Mutant seen red: what a thread has not answered at its end is left waiting.
test("what the thread has not answered when it ends is refused", async () => {
  const reader = createLedgerReader(() => {
    // It answers nothing, and ends when it is told to.
    const code =
      'const { parentPort: p } = require("node:worker_threads"); p.on("message", (m) => m.type === "close" && p.close());';
    const worker = new Worker(code, { eval: true });
    const ended = Promise.withResolvers<void>();
    worker.once("exit", () => ended.resolve());
    return { worker, ready: Promise.resolve({ recovered: 0 }), ended: ended.promise };
  });
  const answer = expect(reader.ask("costs", costQuery())).rejects.toMatchObject(refusal);
  await reader.close();
  await answer;
});
