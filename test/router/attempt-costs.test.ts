import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema, type ChatResponse, ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import {
  AttemptOutcome,
  AttemptSummarySchema,
  Billed,
  type Usage,
  UsageSource,
} from "../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import type { AttemptRow, LedgerStore } from "../../src/ledger/store.ts";
import { createMemoryStore } from "../../src/ledger/stores/memory.ts";
import { costOfAttempts } from "../../src/router/meter.ts";
import { acmeTable } from "../ledger/prices/rig.ts";
import { drainStream, testContext, testRouter, testState } from "../support/routing.ts";
import { answer, createScriptedAdapter, finishedEvent, type Play } from "../support/scripted-adapter.ts";

/*
 * Mutants seen red: the row written after `finished` is handed on; no row where the reader leaves, or where it leaves before the attempt began;
 * a row for each of two ends; `finished` at 0 where an attempt has no price; a refused attempt without a cost; the warning on every attempt, or
 * on none; a cost on provisional usage only.
 */

const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);

const request = create(ChatRequestSchema, {
  messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "hi" } } }] }],
  endUserId: "user-7",
  metadata: { team: "blue" },
});

/** A store that keeps the rows it gets, and does not lose the time of it. */
function recordingStore(): LedgerStore & { readonly rows: AttemptRow[] } {
  const rows: AttemptRow[] = [];
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  return {
    ...store,
    rows,
    settle: async (row) => {
      await Promise.resolve();
      rows.push(row);
      await store.settle(row);
    },
  };
}

interface Rig {
  readonly spends?: boolean;
  readonly seller?: string;
  readonly model?: string;
}

function rig(play: Play, { spends = true, seller = "acme", model = "model-1" }: Rig = {}) {
  const ledger = recordingStore();
  const adapter = createScriptedAdapter({ name: "near", play, spends, seller, defaultModel: model });
  const router = testRouter(testState([adapter]), { prices, ledger });
  return { rows: ledger.rows, chat: (context = testContext()) => router.chat(request, context) };
}

async function run(play: Play, options?: Rig) {
  const { rows, chat } = rig(play, options);
  return { ...(await drainStream(chat)), rows };
}

const usage = (fields: Partial<Usage>): Usage => ({ ...unknownUsage(), ...fields });
const values = (events: readonly ChatResponse[], name: string) =>
  events.flatMap(({ event }) => (event.case === name ? [event.value as Record<string, unknown>] : []));
const warnings = (events: readonly ChatResponse[]) => values(events, "warning").map(({ code }) => code);

describe("a call that succeeds", () => {
  test("has its cost in every usage, in `finished` and in its one row, with the version of the prices", async () => {
    const { events, rows } = await run(async function* ({ step, attempt }) {
      yield [
        textDelta({ step, part: 0 }, "x"),
        usageEvent(step, attempt, usage({ inputTotal: 3, outputTotal: 1 }), false),
      ];
      yield [usageEvent(step, attempt, usage({ inputTotal: 3, outputTotal: 5 }), true), finishedEvent()];
    });
    expect(values(events, "usage").map(({ costNanoUsd }) => costNanoUsd)).toEqual([5000n, 13_000n]);
    expect(values(events, "finished")).toMatchObject([
      { costNanoUsd: 13_000n, priceVersion: prices.version, attempts: [{ costNanoUsd: 13_000n }] },
    ]);
    expect(warnings(events)).toEqual([]);
    expect(rows).toMatchObject([
      {
        attemptId: expect.stringMatching(/^attempt_./),
        streamId: expect.stringMatching(/^stream_./),
        requestId: "req_test",
        tenant: "t",
        key: "k",
        persona: "default",
        endUserId: "user-7",
        metadata: { team: "blue" },
        provider: "near",
        kind: "scripted",
        model: "model-1",
        usage: { inputTotal: 3, outputTotal: 5 },
        costNanoUsd: 13_000n,
        priceVersion: prices.version,
        billed: Billed.YES,
        outcome: AttemptOutcome.WON,
        reason: "",
        startedAtMs: Date.UTC(2026, 10, 26, 12),
      },
    ]);
  });

  test("has the prices of who bills, and none if that is somebody else (mutant: the owner's)", async () => {
    const sold = await run(answer("hello"), { seller: "acme" });
    expect(sold.rows).toMatchObject([{ costNanoUsd: 4000n }]);
    const elsewhere = await run(answer("hello"), { seller: "nobody" });
    expect(warnings(elsewhere.events)).toEqual(["PRICE_UNKNOWN"]);
  });

  test("has its row before the caller is told that it has finished", async () => {
    const { rows, chat } = rig(answer("hello"));
    for await (const events of chat()) {
      if (events.at(-1)?.event.case === "finished") expect(rows).toHaveLength(1);
      else expect(rows).toHaveLength(0);
    }
    expect(rows).toHaveLength(1);
  });

  test("at a provider that cannot spend costs 0, and that is known, whatever it used", async () => {
    for (const play of [
      answer("hello"),
      async function* () {
        yield [finishedEvent()];
      } satisfies Play,
    ]) {
      const { events, rows } = await run(play, { spends: false });
      expect(values(events, "usage").at(-1)).toMatchObject({ costNanoUsd: 0n, final: true });
      expect(values(events, "finished")).toMatchObject([{ costNanoUsd: 0n, priceVersion: "" }]);
      expect(rows).toMatchObject([{ costNanoUsd: 0n, priceVersion: "" }]);
      expect(warnings(events)).toEqual([]);
    }
  });

  test("on a model without a price is warned of once, and has no cost, which is not a cost of 0", async () => {
    const { events, rows } = await run(answer("hello"), { model: "model-2" });
    expect(warnings(events)).toEqual(["PRICE_UNKNOWN"]);
    expect(values(events, "warning")).toMatchObject([{ text: expect.stringContaining("model-2 of near") }]);
    for (const value of [...values(events, "usage"), ...values(events, "finished"), ...rows]) {
      expect(value).not.toHaveProperty("costNanoUsd");
    }
    expect(values(events, "finished")).toMatchObject([{ priceVersion: "" }]);
  });

  // Mutants seen red: a cost without a bound, and the sum over attempts without one.
  test("at a price nobody can pay is not known to cost anything", async () => {
    const dear = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1e12", output: "1e12" } }])]);
    const ledger = recordingStore();
    const adapter = createScriptedAdapter({
      name: "near",
      play: answer("hello", 0xffffffff),
      spends: true,
      seller: "acme",
    });
    const router = testRouter(testState([adapter]), { prices: dear, ledger });
    const { events } = await drainStream(() => router.chat(request, testContext()));
    for (const event of events) toBinary(ChatResponseSchema, event);
    expect(values(events, "finished")[0]).not.toHaveProperty("costNanoUsd");
    expect(ledger.rows[0]).not.toHaveProperty("costNanoUsd");
    const most = create(AttemptSummarySchema, { costNanoUsd: 2n ** 63n - 1n });
    expect(costOfAttempts([most])).toBe(2n ** 63n - 1n);
    expect(costOfAttempts([most, create(AttemptSummarySchema, { costNanoUsd: 1n })])).toBeUndefined();
  });

  test("whose provider reports no usage has no cost", async () => {
    const { events, rows } = await run(async function* () {
      yield [textDelta({ step: 0, part: 0 }, "x"), finishedEvent()];
    });
    expect(values(events, "finished")[0]).not.toHaveProperty("costNanoUsd");
    expect(rows[0]).not.toHaveProperty("costNanoUsd");
    expect(rows).toMatchObject([{ billed: Billed.YES, priceVersion: "" }]);
  });
});

describe("a call that fails", () => {
  const boom = new ExecutionError("PROVIDER_INTERNAL", "the provider failed");
  const failing = (before: Parameters<typeof usage>[0] | undefined, content: boolean): Play =>
    async function* ({ step, attempt, onHeaders }) {
      onHeaders();
      if (content) yield [textDelta({ step, part: 0 }, "half")];
      if (before !== undefined) yield [usageEvent(step, attempt, usage(before), false)];
      throw boom;
    };

  test("costs nothing if the provider refused it, in the event, the error and the row", async () => {
    const { events, error, rows } = await run(failing(undefined, false));
    expect(values(events, "attemptFailed")).toMatchObject([{ billed: Billed.NO, costNanoUsd: 0n }]);
    expect(error?.extras.failure).toMatchObject({ costNanoUsd: 0n, attempts: [{ costNanoUsd: 0n }] });
    expect(rows).toMatchObject([
      {
        billed: Billed.NO,
        costNanoUsd: 0n,
        outcome: AttemptOutcome.FAILED,
        reason: "PROVIDER_INTERNAL",
        priceVersion: "",
      },
    ]);
  });

  test("costs what was used until then, as an estimate", async () => {
    const { error, rows } = await run(failing({ inputTotal: 10, outputTotal: 1 }, true));
    const usage = { inputTotal: 10, outputTotal: 1, source: UsageSource.ESTIMATED };
    expect(error?.extras.failure).toMatchObject({ costNanoUsd: 12_000n, usage, attempts: [{ usage }] });
    expect(rows).toMatchObject([{ billed: Billed.YES, costNanoUsd: 12_000n, usage, priceVersion: prices.version }]);
  });

  test("after content without usage costs what it is estimated to have used, since it may be billed", async () => {
    const { error, rows } = await run(failing(undefined, true));
    const usage = { inputTotal: 5, outputTotal: 1, source: UsageSource.ESTIMATED };
    expect(error?.extras.failure).toMatchObject({ costNanoUsd: 7_000n, usage });
    expect(rows).toMatchObject([{ billed: Billed.UNKNOWN, costNanoUsd: 7_000n, usage, priceVersion: prices.version }]);
  });

  test("by a cancelled signal or a bug has its one row", async () => {
    const ends = [
      new ExecutionError("CANCELLED", "gone"),
      new ExecutionError("DEADLINE", "late"),
      new TypeError("bug"),
    ];
    for (const thrown of ends) {
      const { rows } = await run(async function* () {
        yield [textDelta({ step: 0, part: 0 }, "x")];
        throw thrown;
      });
      expect(rows).toHaveLength(1);
    }
  });
});

describe("a reader that leaves", () => {
  const long: Play = async function* ({ step }) {
    for (let read = 0; read < 1000; read += 1) yield [textDelta({ step, part: 0 }, "x")];
  };
  const has = (events: readonly ChatResponse[], name: string) => events.some(({ event }) => event.case === name);

  test("leaves a row, of an attempt that may be billed", async () => {
    const { rows, chat } = rig(long);
    for await (const events of chat()) if (has(events, "textDelta")) break;
    expect(rows).toMatchObject([{ outcome: AttemptOutcome.CANCELLED, billed: Billed.UNKNOWN }]);
  });

  // Mutant seen red: what the provider said at the beginning taken for what it made, which is a thousandth of it.
  test("is not let off with what the provider said at the beginning: the text counts, and the cost is an estimate", async () => {
    const { rows, chat } = rig(async function* ({ step, attempt }) {
      const begun = usage({ inputTotal: 10, outputTotal: 1, source: UsageSource.PROVIDER });
      yield [usageEvent(step, attempt, begun, false)];
      for (let read = 0; read < 1000; read += 1) yield [textDelta({ step, part: 0 }, "four")];
      yield [finishedEvent()];
    });
    let deltas = 0;
    for await (const events of chat()) {
      if (has(events, "textDelta")) deltas += 1;
      if (deltas === 800) break;
    }
    expect(rows).toMatchObject([
      {
        outcome: AttemptOutcome.CANCELLED,
        billed: Billed.YES,
        usage: { inputTotal: 10, outputTotal: 801, source: UsageSource.ESTIMATED },
        costNanoUsd: 10_000n + 801n * 2000n,
      },
    ]);
  });

  test("before anything was sent leaves a row of an attempt that is not billed", async () => {
    const { rows, chat } = rig(long);
    for await (const events of chat()) if (has(events, "attemptStarted")) break;
    expect(rows).toMatchObject([{ outcome: AttemptOutcome.CANCELLED, billed: Billed.NO, costNanoUsd: 0n }]);
  });

  test("after `finished` leaves no second row", async () => {
    const { rows, chat } = rig(answer("hello"));
    for await (const events of chat()) if (has(events, "finished")) break;
    expect(rows).toHaveLength(1);
  });
});
