import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unknownUsage } from "../src/contract/usage.ts";
import { AttemptOutcome, Billed } from "../src/gen/execution/v1/usage_pb.js";
import type { OpenAttempt } from "../src/ledger/store.ts";
import { compare, type Effort, type Side } from "./lib/compare.ts";
import { compareLatency } from "./lib/latency.ts";
import { openLedger } from "./lib/ledger-store.ts";
import { createGrpcLoad } from "./lib/load.ts";
import { pinSelf } from "./lib/processes.ts";
import type { Estimate } from "./lib/statistics.ts";
import { cores, root, startGateway, startProvider } from "./lib/subjects.ts";
import { benchWires } from "./lib/wires/index.ts";

// What the ledger costs: CPU of a call of one chunk with the ledger in SQLite and without one that writes, in the same run, by interleaved pairs; how much
// longer such a call takes then at 500 calls a second, the gateway with all its threads on one core; and the store alone, with the time its commits take,
// which is mostly the disk's: `npm run bench:ledger`.

const effort: Effort = { pairs: 33, chunks: 10_000, warmUpChunks: 10_000, concurrency: 50 };
const boundMicros = 60;
const offered = { perSecond: 500, durationMs: 4_000, pairs: 25 };
const boundAddedMs = 5;
const ATTEMPTS = 5_000;

const ended = {
  usage: { ...unknownUsage(), inputTotal: 100, outputTotal: 20 },
  costNanoUsd: 12_345n,
  priceVersion: "0123456789ab",
  billed: Billed.YES,
  outcome: AttemptOutcome.WON,
  reason: "",
} as const;

const fixed = (value: number, digits = 1): string => value.toFixed(digits);
console.log("the store alone, opened and settled: CPU us an attempt, ms a commit, attempts a commit");
for (const concurrency of [1, 10, 50]) console.log(`  ${concurrency} at once: ${await storeAlone(concurrency)}`);
const isOver = await gateways();
process.exitCode = isOver ? 1 : 0;

async function storeAlone(concurrency: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "ep-bench-ledger-"));
  const store = await openLedger(directory);
  let left = ATTEMPTS;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const attempt = attemptOf(left);
      await store.open(attempt);
      await store.settle({ ...attempt, ...ended, endedAtMs: Date.now() });
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: concurrency }, one));
  const { user, system } = process.cpuUsage(before);
  const { count, totalMs } = store.commits();
  await store.close();
  rmSync(directory, { recursive: true });
  return `${fixed((user + system) / ATTEMPTS)} us, ${fixed(totalMs / count, 2)} ms, ${fixed(ATTEMPTS / count)}`;
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
  const { p50, p99 } = await compareLatency(withIt, without, "burst-1", offered);
  const { perSecond, durationMs, pairs } = offered;
  console.log(
    `the same call at ${perSecond} a second, the gateway on one core, ${pairs} pairs of ${(durationMs * perSecond) / 1000} calls: ms from when it was due`,
  );
  for (const [name, { a, b, added }] of Object.entries({ p50, p99 }))
    console.log(
      `  ${name} ${fixed(a.median, 2)} with it, ${fixed(b.median, 2)} without; added ${interval(added, 2)} ms`,
    );
  const isOver = p99.added.high > boundAddedMs;
  console.log(`  added to the 99th percentile: ${isOver ? "OVER" : "within"} ${boundAddedMs} ms`);
  return isOver;
}

function interval({ median, low, high }: Estimate, digits: number): string {
  return `${fixed(median, digits)} [${fixed(low, digits)}, ${fixed(high, digits)}]`;
}
