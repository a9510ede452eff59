import { describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { AttemptOutcome, UsageSource } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import type { Checkpoint, LedgerStore } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { acmeTable } from "../../ledger/prices/rig.ts";
import { asking } from "../../support/planning.ts";
import { drainStream, testContext, testRouter, testState } from "../../support/routing.ts";
import { createScriptedAdapter, finishedEvent, type Play } from "../../support/scripted-adapter.ts";

const place = { step: 0, part: 0 };
const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);

function unavailable(): ExecutionError {
  return new ExecutionError("LEDGER_UNAVAILABLE", "planted", { retryAfterMs: 1000 });
}

/** A call over a ledger of which some parts are another's, and what happened, in order. */
function rig(play: Play, ledger: Partial<LedgerStore>) {
  const happened: string[] = [];
  const checkpoints: Checkpoint[] = [];
  const beats: (() => void)[] = [];
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  const adapter = createScriptedAdapter({
    name: "near",
    spends: true,
    seller: "acme",
    defaultModel: "model-1",
    play: (...args) => {
      happened.push("sent");
      return play(...args);
    },
  });
  const router = testRouter(testState([adapter]), {
    prices,
    pulse: {
      add: (run) => {
        beats.push(run);
        return () => beats.splice(beats.indexOf(run), 1);
      },
    },
    ledger: {
      ...store,
      open: async (attempt) => {
        await Promise.resolve();
        happened.push(`opened ${attempt.attempt}`);
      },
      checkpoint: (checkpoint) => checkpoints.push(checkpoint),
      settle: async (row) => {
        happened.push(`settled ${AttemptOutcome[row.outcome]}`);
        await store.settle(row);
      },
      ...ledger,
    },
  });
  const run = async () => {
    const drained = await drainStream(() => router.chat(asking(), testContext()));
    return { ...drained, told: drained.events.map(({ event }) => event.case) };
  };
  return { happened, checkpoints, beats, run };
}

const whole: Play = async function* whole() {
  yield [textDelta(place, "hello")];
  yield [finishedEvent()];
};

/** Mutants seen red: the row is opened after the request is sent; what is refused is sent all the same; who could not be opened is in the record. */
describe("the row of an attempt", () => {
  test("is opened before the request is sent, and settled before the end is told", async () => {
    const { happened, run } = rig(whole, {});
    expect((await run()).told.at(-1)).toBe("finished");
    expect(happened).toEqual(["opened 0", "sent", "settled WON"]);
  });

  test("that cannot be opened leaves the request unsent, and the call fails with LEDGER_UNAVAILABLE and no attempt", async () => {
    const { happened, run } = rig(whole, { open: () => Promise.reject(unavailable()) });
    const { error, told } = await run();
    expect(error).toMatchObject({ reason: "LEDGER_UNAVAILABLE", retryable: true, extras: { retryAfterMs: 1000 } });
    expect(error?.extras.failure?.attempts).toEqual([]);
    expect(told).not.toContain("attemptStarted");
    expect(happened).toEqual([]);
  });

  // Mutant seen red: the failure to settle is one of the provider's, and another attempt is made.
  test("that cannot be settled ends the call with LEDGER_UNAVAILABLE instead of finished, and is no fault of the provider", async () => {
    const { happened, run } = rig(whole, { settle: () => Promise.reject(unavailable()) });
    const { error, told } = await run();
    expect(error).toMatchObject({ reason: "LEDGER_UNAVAILABLE", retryable: false, extras: { partial: true } });
    expect(error?.extras.failure?.attempts).toMatchObject([{ outcome: AttemptOutcome.WON }]);
    expect(told).not.toContain("finished");
    expect(told).not.toContain("attemptFailed");
    expect(happened).toEqual(["opened 0", "sent"]);
  });
});

/** Mutants seen red: nothing is noted; every event is noted; the pulse notes what it has noted already. */
describe("what a running attempt has used", () => {
  test("is noted at the latest after 256 tokens, and at every beat of the pulse, with its cost", async () => {
    const piece = "x".repeat(256);
    const { checkpoints, beats, run } = rig(async function* play() {
      yield [
        usageEvent(0, 0, { ...unknownUsage(), inputTotal: 10, outputTotal: 1, source: UsageSource.PROVIDER }, false),
      ];
      for (let index = 0; index < 9; index += 1) yield [textDelta(place, piece)];
      for (const beat of [...beats, ...beats]) beat();
      yield [finishedEvent()];
    }, {});
    await run();
    expect(checkpoints.map(({ usage, costNanoUsd }) => [usage?.outputTotal, costNanoUsd])).toEqual([
      [257, 524_000n],
      [513, 1_036_000n],
      [577, 1_164_000n],
    ]);
    expect(checkpoints[0]).toMatchObject({ usage: { source: UsageSource.ESTIMATED, inputTotal: 10 } });
    expect(beats).toEqual([]);
  });

  // Mutant seen red: nothing noted before the provider says what was used.
  test("is estimated while the provider has said nothing", async () => {
    const { checkpoints, run } = rig(async function* play() {
      yield [textDelta(place, "x".repeat(10_000))];
      yield [finishedEvent()];
    }, {});
    await run();
    const usage = { outputTotal: 2500, source: UsageSource.ESTIMATED };
    expect(checkpoints).toMatchObject([{ usage, costNanoUsd: expect.any(BigInt) }]);
    expect(checkpoints[0]?.usage?.inputTotal).toBeGreaterThan(0);
  });
});
