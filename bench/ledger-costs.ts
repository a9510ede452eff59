import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { CostDimension } from "../src/gen/execution/v1/costs_pb.js";
import type { CostQuery } from "../src/ledger/store.ts";
import { readCosts } from "../src/ledger/stores/sqlite/reader.ts";
import { createWriter, LEDGER_FILE } from "../src/ledger/stores/sqlite/writer.ts";
import { type CommitTimes, measureCommits, measureFreshness } from "./lib/commits-under-costs.ts";
import { DAY_MS, openLedger, retention } from "./lib/ledger-store.ts";
import { type Estimate, estimateMedian } from "./lib/statistics.ts";

// How long `Costs` takes over a ledger of many rows: 1,000 keys of 10 tenants, 50 models, 90 days, `npm run bench:costs -- --rows 10000000`. The rows are
// made by SQLite itself; the roll-ups are the store's own, and so is its cleaning, by the default retention. Then what asking for them does to the commits of
// 500 attempts a second, and how soon a settled attempt is in an answer. With `--directory` the ledger is kept there, and asked again by the next run. Fails
// if the days and models of all tenants take longer than 50 ms, an attempt is in no answer after a second, or asking adds 5 ms to the commits' 99th percentile.

const boundMs = 50;
const freshMs = 1_000;
const addedMs = 5;
const DAYS = 90;
const { values } = parseArgs({
  options: { rows: { type: "string", default: "200000" }, directory: { type: "string" } },
});
const rows = Number(values.rows);
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const startMs = endMs - DAYS * DAY_MS;

const directory = values.directory ?? mkdtempSync(join(tmpdir(), "ep-bench-costs-"));
try {
  if (!existsSync(join(directory, LEDGER_FILE))) {
    const begunMs = performance.now();
    fill();
    const seconds = ((performance.now() - begunMs) / 1000).toFixed(0);
    console.log(`${rows} rows, made, rolled up and cleaned in ${seconds} s`);
  }
  console.log(`the file has ${(statSync(join(directory, LEDGER_FILE)).size / 1e6).toFixed(0)} MB`);
  const { DAY, KEY, MODEL } = CostDimension;
  const slowestMs = ask("by day and model", { groupBy: [DAY, MODEL] });
  ask("by day and model, of one tenant", { groupBy: [DAY, MODEL], filter: { tenant: "tenant-3" } });
  ask("by day and model, of one key", { groupBy: [DAY, MODEL], filter: { tenant: "tenant-3", key: "key-13" } });
  ask("by key, of the last day", { groupBy: [KEY], startMs: endMs - DAY_MS });
  const isLate = await askUnderLoad();
  if (slowestMs > boundMs || isLate) process.exitCode = 1;
} finally {
  if (values.directory === undefined) rmSync(directory, { recursive: true });
}

/** Says what questions do to commits, and how soon an attempt is in an answer. True if either is past its bound. */
async function askUnderLoad(): Promise<boolean> {
  const store = await openLedger(directory);
  const groupBy = [CostDimension.DAY, CostDimension.MODEL];
  const query: CostQuery = { startMs, endMs: endMs + 2 * DAY_MS, groupBy, filter: {}, limit: 1_000 };
  console.log("99th percentile of a commit at 500 attempts/s:");
  const say = ({ quiet, asked, added, answers }: CommitTimes, how: string): void =>
    console.log(
      `  ${shown(asked)} with ${how} (${answers.median} answers in 3 s), ${shown(quiet)} with nobody asking: adds ${shown(added)}`,
    );
  const consoles = await measureCommits(store, query, 100);
  say(consoles, "a question every 100 ms");
  say(await measureCommits(store, { ...query, limit: 10_000 }, 1), "questions for all groups without a pause");
  const fresh = await measureFreshness(store, query);
  await store.close();
  console.log(`an attempt that is settled is in an answer after ${shown(fresh)}`);
  return fresh.high > freshMs || consoles.added.high > addedMs;
}

function shown({ median, low, high }: Estimate): string {
  return `${median.toFixed(1)} ms [${low.toFixed(1)}, ${high.toFixed(1)}]`;
}

function fill(): void {
  const writer = createWriter({ directory, retention, metadataKeys: [], isSpool: false });
  const db = new DatabaseSync(join(directory, LEDGER_FILE));
  db.exec("PRAGMA synchronous = OFF");
  // Keys and models follow one another by primes, so that each key comes with each model.
  const insert = db.prepare(
    `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
     INSERT INTO attempts (seq, attempt_id, stream_id, request_id, tenant, key, persona, end_user_id, metadata, step, attempt, provider, kind, model,
       started_at_ms, input_tokens, output_tokens, cost_nano_usd, price_version, billed, outcome, reason, ended_at_ms)
     SELECT i + 1, printf('attempt_%032d', i), '', '', 'tenant-' || (i * 7919 % 1000 % 10), 'key-' || (i * 7919 % 1000), 'default', '', '', 0, 0,
       'provider-' || (i * 104729 % 50 % 5), 'openai', 'model-' || (i * 104729 / 1000 % 50), CAST(?3 + i * ?4 / ?5 AS INTEGER), 100, 20, 12345, 'v', 1, 1, '', CAST(?3 + i * ?4 / ?5 AS INTEGER)
     FROM n`,
  );
  const step = 50_000;
  for (let from = 0; from < rows; from += step) {
    insert.run(from, Math.min(rows, from + step), startMs, DAYS * DAY_MS, rows);
    while (writer.rollUp());
    // As the time of the rows goes on, so does that of the cleaning.
    const atMs = startMs + ((from + step) / rows) * DAYS * DAY_MS;
    while (writer.clean(Math.min(atMs, endMs)));
  }
  db.close();
  writer.close();
}

/** Asks so often that there is a median, and says it; milliseconds, the upper end of its interval. */
function ask(what: string, query: Partial<CostQuery>): number {
  const db = new DatabaseSync(join(directory, LEDGER_FILE), { readOnly: true });
  const whole: CostQuery = { startMs, endMs, groupBy: [], filter: {}, limit: 10_000, ...query };
  let groups = 0;
  const times = Array.from({ length: 15 }, () => {
    const begunMs = performance.now();
    groups = readCosts(db, whole).groups.length;
    return performance.now() - begunMs;
  });
  db.close();
  const estimate = estimateMedian(times);
  console.log(`${what}: ${shown(estimate)}, ${groups} groups`);
  return estimate.high;
}
