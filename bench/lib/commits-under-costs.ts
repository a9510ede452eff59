import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { unknownUsage } from "../../src/contract/usage.ts";
import { AttemptOutcome, Billed } from "../../src/gen/execution/v1/usage_pb.js";
import type { AttemptRow, CostQuery, LedgerStore } from "../../src/ledger/store.ts";
import { samplePairs } from "./pairs.ts";
import { type Estimate, estimateMedian, quantileOf } from "./statistics.ts";

/** Attempts that are opened and settled in a second, and how long that is done in each half of a pair. */
const ATTEMPTS_A_SECOND = 500;
const SLICE_MS = 3_000;
const PAIRS = 21;

/** What was measured, in milliseconds, over pairs of slices of the same run. */
export interface CommitTimes {
  /** The 99th percentile of the time until an attempt is opened, or settled, durably: nobody asks for costs, and somebody does. */
  readonly quiet: Estimate;
  readonly asked: Estimate;
  /** What asking adds to that percentile, by pairs. */
  readonly added: Estimate;
  /** Answers in a slice. */
  readonly answers: Estimate;
}

/** Measures what questions do to commits, with a pause after each answer: pairs of slices in the order ABBA. */
export async function measureCommits(store: LedgerStore, query: CostQuery, pauseMs: number): Promise<CommitTimes> {
  await slice(store);
  const pairs = await samplePairs(
    PAIRS,
    () => askedSlice(store, query, pauseMs),
    async () => ({ p99: await slice(store), answers: 0 }),
  );
  return {
    quiet: estimateMedian(pairs.map(({ b }) => b.p99)),
    asked: estimateMedian(pairs.map(({ a }) => a.p99)),
    added: estimateMedian(pairs.map(({ a, b }) => a.p99 - b.p99)),
    answers: estimateMedian(pairs.map(({ a }) => a.answers)),
  };
}

/** How long after an attempt was settled an answer has it, in milliseconds, each time; `query` finds the attempt and nothing else that changes. */
export async function measureFreshness(store: LedgerStore, query: CostQuery): Promise<Estimate> {
  const times: number[] = [];
  for (let time = 0; time < 15; time += 1) {
    const before = (await store.costs(query)).total.attempts;
    const row = newRow();
    await store.open(row);
    await store.settle(row);
    const settledMs = performance.now();
    while ((await store.costs(query)).total.attempts === before);
    times.push(performance.now() - settledMs);
  }
  return estimateMedian(times);
}

/** A slice in which costs are asked for; a question that is late is not made up for. */
async function askedSlice(
  store: LedgerStore,
  query: CostQuery,
  pauseMs: number,
): Promise<{ readonly p99: number; readonly answers: number }> {
  let isOver = false;
  let answers = 0;
  const asking = (async () => {
    while (!isOver) {
      await store.costs(query);
      answers += 1;
      await delay(pauseMs);
    }
  })();
  const p99 = await slice(store);
  isOver = true;
  await asking;
  return { p99, answers };
}

/** Opens and settles attempts at an even pace, and says the 99th percentile of how long each of the two took. */
async function slice(store: LedgerStore): Promise<number> {
  const times: number[] = [];
  const running: Promise<void>[] = [];
  const startMs = performance.now();
  while (performance.now() - startMs < SLICE_MS) {
    // As many as are due by now: a timer that comes late does not slow the pace down.
    while (running.length < ((performance.now() - startMs) * ATTEMPTS_A_SECOND) / 1_000)
      running.push(attempt(store, times));
    await delay(1);
  }
  await Promise.all(running);
  return quantileOf(times, 0.99);
}

async function attempt(store: LedgerStore, times: number[]): Promise<void> {
  const row = newRow();
  const timed = async (step: Promise<void>): Promise<void> => {
    const begunMs = performance.now();
    await step;
    times.push(performance.now() - begunMs);
  };
  await timed(store.open(row));
  await timed(store.settle(row));
}

function newRow(): AttemptRow {
  const id = randomUUID();
  const which = Math.floor(Math.random() * 50_000);
  return {
    attemptId: `attempt_${id}`,
    streamId: `stream_${id}`,
    requestId: `req_${id}`,
    tenant: `tenant-${which % 10}`,
    key: `key-${which % 1_000}`,
    persona: "default",
    endUserId: "",
    metadata: {},
    step: 0,
    attempt: 0,
    provider: "provider-0",
    kind: "openai",
    model: `model-${Math.floor(which / 1_000)}`,
    startedAtMs: Date.now(),
    usage: { ...unknownUsage(), inputTotal: 100, outputTotal: 20 },
    costNanoUsd: 12_345n,
    priceVersion: "v",
    billed: Billed.YES,
    outcome: AttemptOutcome.WON,
    reason: "",
    endedAtMs: Date.now(),
  };
}
