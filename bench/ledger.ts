import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unknownUsage } from "../src/contract/usage.ts";
import { AttemptOutcome, Billed } from "../src/gen/execution/v1/usage_pb.js";
import type { OpenAttempt } from "../src/ledger/store.ts";
import { compare, type Effort, type Side } from "./lib/compare.ts";
import { timeDisk } from "./lib/disk.ts";
import { compareLatency } from "./lib/latency.ts";
import { openLedger } from "./lib/ledger-store.ts";
import { createGrpcLoad } from "./lib/load.ts";
import { pinSelf } from "./lib/processes.ts";
import type { Estimate } from "./lib/statistics.ts";
import { cores, root, startGateway, startProvider } from "./lib/subjects.ts";
import { benchWires } from "./lib/wires/index.ts";

// What the ledger costs: CPU of a call of one chunk with the ledger in SQLite and without one that writes, in the same run, by interleaved pairs; how much
// longer such a call takes then at 500 calls a second, the gateway with all its threads on one core; and the store alone, with the time its commits take,
// which is mostly the disk's, and beside it what the disk alone takes for as many bytes: `npm run bench:ledger`.

const effort: Effort = { pairs: 33, chunks: 10_000, warmUpChunks: 10_000, concurrency: 50 };
const boundMicros = 60;
/**
 * In every third slice or so all old objects are collected, which is what its 99th percentile then tells: so many pairs that the interval around the median does not reach
 * those where that happened on one side only.
 */
const offered = { perSecond: 500, durationMs: 4_000, pairs: 61 };
const boundAddedMs = 5;
const ATTEMPTS = 5_000;
const DISK_WRITES = 500;
/** Half of what the log of writes grows to before it is begun anew, so that its size is what was written. */
const LOG_BYTES = 2 * 1024 * 1024;

const ended = {
  usage: { ...unknownUsage(), inputTotal: 100, outputTotal: 20 },
  costNanoUsd: 12_345n,
  priceVersion: "0123456789ab",
  billed: Billed.YES,
  outcome: AttemptOutcome.WON,
  reason: "",
} as const;

let attemptsMade = 0;
const fixed = (value: number, digits = 1): string => value.toFixed(digits);
console.log(
  `the store alone, opened and settled: CPU us an attempt, ms a commit, attempts a commit; the disk alone, ${DISK_WRITES} times: KiB as of a commit appended, ms of it and fdatasync, p50 and p99`,
);
for (const concurrency of [1, 10, 50]) console.log(`  ${concurrency} at once: ${await storeAlone(concurrency)}`);
const isOver = await gateways();
process.exitCode = isOver ? 1 : 0;

async function storeAlone(concurrency: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "ep-bench-ledger-"));
  const store = await openLedger(directory);
  // The first of them tell how much a commit writes, and are in no other figure.
  const bytes = await bytesOfCommit(store, directory, concurrency);
  const first = store.commits();
  const before = process.cpuUsage();
  const attempts = await attempt(store, concurrency, (index) => index < ATTEMPTS);
  const { user, system } = process.cpuUsage(before);
  const last = store.commits();
  const count = last.count - first.count;
  const msACommit = (last.totalMs - first.totalMs) / count;
  await store.close();
  const { p50Ms, p99Ms } = timeDisk(directory, bytes, DISK_WRITES);
  rmSync(directory, { recursive: true });
  const ofStore = `${fixed((user + system) / attempts)} us, ${fixed(msACommit, 2)} ms, ${fixed(attempts / count)}`;
  return `${ofStore}; the disk: ${fixed(bytes / 1024)} KiB, ${fixed(p50Ms, 2)} and ${fixed(p99Ms, 2)} ms`;
}

type Store = Awaited<ReturnType<typeof openLedger>>;

/** How many bytes a commit writes to the log of writes, on average, with so many attempts at once; what is rolled up meanwhile is among them. */
async function bytesOfCommit(store: Store, directory: string, concurrency: number): Promise<number> {
  const log = readdirSync(directory).find((name) => name.endsWith("-wal"));
  if (log === undefined) throw new Error("the ledger has no log of writes");
  const size = (): number => statSync(join(directory, log)).size;
  const [sizeBefore, { count }] = [size(), store.commits()];
  await attempt(store, concurrency, () => size() < LOG_BYTES);
  return Math.round((size() - sizeBefore) / (store.commits().count - count));
}

/** Opens and settles attempts, so many at once, while there are to be more, and returns how many. */
async function attempt(store: Store, concurrency: number, more: (index: number) => boolean): Promise<number> {
  let made = 0;
  const one = async (): Promise<void> => {
    while (more(made)) {
      made += 1;
      attemptsMade += 1;
      const opened = attemptOf(attemptsMade);
      await store.open(opened);
      await store.settle({ ...opened, ...ended, endedAtMs: Date.now() });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return made;
}

function attemptOf(index: number): OpenAttempt {
  const id = String(index).padStart(32, "0");
  return {
    attemptId: `attempt_${id}`,
    streamId: `stream_${id}`,
    requestId: `req_${id}`,
    tenant: "bench",
    key: `key-${index % 100}`,
    persona: "default",
    endUserId: "",
    metadata: {},
    step: 0,
    attempt: 0,
    provider: "openai",
    kind: "openai",
    model: `model-${index % 10}`,
    startedAtMs: Date.now(),
  };
}

async function gateways(): Promise<boolean> {
  pinSelf(cores.load);
  const wire = benchWires.find(({ name }) => name === "openai");
  if (wire === undefined) throw new Error("the bench has no wire of openai");
  const provider = await startProvider();
  const memory = await startGateway(provider.port, root, "memory");
  const sqlite = await startGateway(provider.port, root, "sqlite");
  const sides = [sqlite, memory].map((process) => ({ process, load: createGrpcLoad(process.port, wire) }));
  try {
    const [withIt, without] = sides;
    if (withIt === undefined || without === undefined) throw new Error("there are two sides");
    const isOver = [await latency(withIt, without), await cpu(withIt, without)];
    return isOver.includes(true);
  } finally {
    for (const { load } of sides) load.close();
    await Promise.all([provider, memory, sqlite].map((process) => process.stop()));
  }
}

/** Says what the ledger costs in CPU. True if that is past its bound. */
async function cpu(withIt: Side, without: Side): Promise<boolean> {
  const { a, b, ratio, difference } = await compare(withIt, without, "burst-1", effort);
  console.log(
    `a gRPC call of one chunk, ${effort.concurrency} at once, ${effort.pairs} pairs of ${effort.chunks} calls: CPU us a call`,
  );
  console.log(`  ${fixed(a.median)} with it, ${fixed(b.median)} without; ratio ${interval(ratio, 2)}`);
  const isOver = difference.high > boundMicros;
  console.log(`  the ledger: ${interval(difference, 1)} us; ${isOver ? "OVER" : "within"} ${boundMicros}`);
  return isOver;
}

/** Says what the ledger adds to the time of a call. True if that is past its bound. */
async function latency(withIt: Side, without: Side): Promise<boolean> {
  const { cpu, ...percentiles } = await compareLatency(withIt, without, "burst-1", offered);
  const { perSecond, durationMs, pairs } = offered;
  console.log(
    `the same call at ${perSecond} a second, the gateway on one core, ${pairs} pairs of ${(durationMs * perSecond) / 1000} calls: ms from when it was due`,
  );
  for (const [name, { a, b, added }] of Object.entries(percentiles))
    console.log(
      `  ${name} ${fixed(a.median, 2)} with it, ${fixed(b.median, 2)} without; added ${interval(added, 2)} ms`,
    );
  console.log(
    `  CPU us a call ${fixed(cpu.a.median)} with it, ${fixed(cpu.b.median)} without; added ${interval(cpu.added, 1)}`,
  );
  const isOver = percentiles.p99.added.high > boundAddedMs;
  console.log(`  added to the 99th percentile: ${isOver ? "OVER" : "within"} ${boundAddedMs} ms`);
  return isOver;
}

function interval({ median, low, high }: Estimate, digits: number): string {
  return `${fixed(median, digits)} [${fixed(low, digits)}, ${fixed(high, digits)}]`;
}
