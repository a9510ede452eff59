import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { HedgeSettings } from "../../../src/config/config.ts";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { FallbackPolicy } from "../../../src/gen/execution/v1/chat_pb.js";
import { AttemptOutcome, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { acmeTable } from "../../ledger/prices/rig.ts";
import {
  answer,
  createScriptedAdapter,
  finishedEvent,
  type Play,
  refusing,
  silence,
} from "../../support/scripted-adapter.ts";
import { createRig, failure } from "./rig.ts";

const hedge: HedgeSettings = { minDelayMs: 10, maxDelayMs: 5000, maxCostNanoUsd: 1_000_000_000n };
const settings = { retries: 0, breaker: { failures: 5, cooldownMs: 1000 } };
const provider = (name: string, play: Play) => createScriptedAdapter({ name, play, settings: { ...settings, name } });

/** A play that begins once it is let, unless its request is closed before. */
function gated(text: string) {
  const gate = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const play: Play = async function* (input) {
    input.signal.addEventListener("abort", () => closed.resolve(), { once: true });
    input.onHeaders();
    yield [usageEvent(0, input.attempt, { ...unknownUsage(), inputTotal: 5, outputTotal: 0 }, false)];
    await Promise.race([
      gate.promise,
      new Promise((_, reject) => input.signal.addEventListener("abort", () => reject(input.signal.reason))),
    ]);
    yield* answer(text)(input);
  };
  return { play, open: () => gate.resolve(), closed: closed.promise };
}

/** The rig of a persona that hedges, whose first candidate usually begins within `usualMs`. The hedge is due when `due` is called. */
function racing(
  first: Play,
  second: Play,
  options: { readonly usualMs?: number; readonly wanted?: Partial<HedgeSettings> } = {},
) {
  const due = Promise.withResolvers<void>();
  const asked: number[] = [];
  const near = provider("near", first);
  const far = provider("far", second);
  const rig = createRig([near, far], {
    routing: { hedge: { ...hedge, ...options.wanted } },
    wait: async (ms, signal) => {
      asked.push(ms);
      await Promise.race([
        due.promise,
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
      ]);
      signal.throwIfAborted();
    },
  });
  const { usualMs = 100 } = options;
  for (let count = 0; count < 20; count += 1) rig.health.target("near", "model-1").latency.record(usualMs);
  return { ...rig, near, far, due: due.resolve, asked };
}

describe("a hedge", () => {
  // Mutants seen red: the loser left running; what it used left out of the sums.
  test("that answers first wins: it appears then, and the other is closed, billed and no failure", async () => {
    const slow = gated("near");
    const { run, due, health, rows, asked } = racing(slow.play, answer("far"));
    due();
    const { told, events } = await run();
    await slow.closed;
    expect(asked).toEqual([100]);
    expect(told).toEqual(["started", "attempt 0 near", "attempt 1 far", "text 0 far", "usage 1", "finished by 1"]);
    expect(events.at(-1)?.event.value).toMatchObject({
      usage: { inputTotal: 7 },
      attempts: [
        { outcome: AttemptOutcome.CANCELLED, reason: "", billed: Billed.YES, usage: { inputTotal: 5 } },
        { outcome: AttemptOutcome.WON },
      ],
    });
    expect(rows.map(({ provider: at, outcome }) => [at, outcome])).toEqual([
      ["near", AttemptOutcome.CANCELLED],
      ["far", AttemptOutcome.WON],
    ]);
    expect(health.states().every(({ state }) => state === "closed")).toBe(true);
    expect(health.target("near", "model-1").running).toBe(0);
  });

  test("that loses does not appear, but in `finished` and the ledger", async () => {
    const [first, second] = [gated("near"), gated("far")];
    const opening: Play = async function* (input) {
      first.open();
      yield* second.play(input);
    };
    const { run, due, rows, far } = racing(first.play, opening);
    due();
    const { told, events } = await run();
    await second.closed;
    expect(told).toEqual(["started", "attempt 0 near", "usage 0", "text 0 near", "usage 0", "finished by 0"]);
    expect(far.inputs).toHaveLength(1);
    expect(rows.map(({ provider: at }) => at).toSorted()).toEqual(["far", "near"]);
    expect(events.at(-1)?.event.value).toMatchObject({ attempts: [{ attempt: 0 }, { attempt: 1 }] });
  });

  // Mutant seen red: an answer that ends without waiting for the row of the attempt that was given up.
  test("is told to have won when the row of the other is written too", async () => {
    const slow = gated("near");
    const near = provider("near", slow.play);
    const { run, rows, health } = createRig([near, provider("far", answer("far"))], {
      routing: { hedge },
      wait: async () => undefined,
      written: async ({ provider: name }) => {
        if (name === "near") await new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
    for (let count = 0; count < 20; count += 1) health.target("near", "model-1").latency.record(100);
    await run();
    expect(rows.map(({ provider: name }) => name)).toEqual(["near", "far"]);
  });

  test("is not started for one that begins in time", async () => {
    const { run, far } = racing(answer("near"), answer("far"));
    expect((await run()).told).toContain("text 0 near");
    expect(far.inputs).toEqual([]);
  });

  // Mutant seen red: a timer that goes on until the answer has ended.
  test("is not opened either, once the first has begun, however long its answer takes", async () => {
    const going = Promise.withResolvers<void>();
    const long: Play = async function* (input) {
      yield [textDelta({ step: 0, part: 0 }, "long ")];
      await going.promise;
      yield* answer("near")(input);
    };
    const { run, due, asked, rows } = racing(long, answer("far"));
    const answered = run();
    while (asked.length === 0) await setImmediate();
    await setImmediate();
    due();
    await setImmediate();
    going.resolve();
    const { events } = await answered;
    expect(rows.map(({ provider: at }) => at)).toEqual(["near"]);
    expect(events.at(-1)?.event.value).toMatchObject({ attempts: [{ outcome: AttemptOutcome.WON }] });
  });

  test("takes over where the first fails while it runs", async () => {
    const second = gated("far");
    const failing: Play = async function* () {
      yield [];
      await started.promise;
      second.open();
      throw failure("PROVIDER_INTERNAL");
    };
    const started = Promise.withResolvers<void>();
    const opening: Play = async function* (input) {
      started.resolve();
      yield* second.play(input);
    };
    const { run, due } = racing(failing, opening);
    due();
    const { told, error } = await run();
    expect(error).toBeUndefined();
    expect(told).toEqual([
      "started",
      "attempt 0 near",
      "failed 0 PROVIDER_INTERNAL FALLBACK",
      "attempt 1 far",
      "usage 1",
      "text 0 far",
      "usage 1",
      "finished by 1",
    ]);
  });

  test("that fails is not told, and leaves the first to answer; both may fail", async () => {
    const first = gated("near");
    const failing: Play = async function* () {
      yield [];
      first.open();
      throw failure("PROVIDER_INTERNAL");
    };
    const good = racing(first.play, failing);
    good.due();
    expect((await good.run()).told).toEqual([
      "started",
      "attempt 0 near",
      "usage 0",
      "text 0 near",
      "usage 0",
      "finished by 0",
    ]);
    const both = racing(refusing(failure("PROVIDER_INTERNAL")), failing);
    both.due();
    const { error, told } = await both.run();
    expect(error?.reason).toBe("PROVIDER_INTERNAL");
    expect(told.filter((word) => word.startsWith("attempt")).length).toBe(
      told.filter((word) => word.startsWith("failed")).length,
    );
  });

  test("is given up with its call", async () => {
    const caller = new AbortController();
    const leaving: Play = async function* (input) {
      setTimeout(() => caller.abort(failure("CANCELLED")), 5);
      yield* silence(input);
    };
    const { run, due, rows } = racing(silence, leaving);
    due();
    const { error } = await run({}, { signal: caller.signal });
    expect(error?.reason).toBe("CANCELLED");
    expect(rows.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.CANCELLED, AttemptOutcome.CANCELLED]);
  });

  // Mutants seen red: no bounds; a percentile of too few answers.
  test("is due at the first one's 95th percentile, within bounds, once that is known", async () => {
    const delay = async (usualMs: number): Promise<readonly number[]> => {
      const { run, asked, due } = racing(answer("near"), answer("far"), { usualMs });
      due();
      await run();
      return asked;
    };
    expect(await delay(3)).toEqual([10]);
    expect(await delay(9000)).toEqual([5000]);
    const unknown = createRig([provider("near", answer("near")), provider("far", answer("far"))], {
      routing: { hedge },
    });
    await unknown.run();
    expect(unknown.waits).toEqual([]);
  });

  test("is not started where the request allows no fallback", async () => {
    const { run, asked } = racing(answer("near"), answer("far"));
    await run({ fallbackPolicy: FallbackPolicy.DENY });
    expect(asked).toEqual([]);
  });

  describe("is not started at a candidate", () => {
    const second = async (prepare: (rig: ReturnType<typeof racing>) => void, wanted: Partial<HedgeSettings> = {}) => {
      const first = gated("near");
      const rig = racing(first.play, answer("far"), { wanted });
      prepare(rig);
      rig.due();
      const running = rig.run();
      setTimeout(first.open, 20);
      await running;
      return rig.far.inputs.length;
    };

    // Mutant seen red: any that may be tried will do.
    test("that is half open", async () => {
      expect(await second(() => undefined)).toBe(1);
      expect(
        await second(({ health, pass }) => {
          health.target("far", "model-1").breaker.open(10);
          pass(10);
        }),
      ).toBe(0);
    });

    // Mutant seen red: a budget that is asked neither of the candidate nor at its admission.
    test("whose instance has no budget left", async () => {
      expect(
        await second(({ health }) => {
          for (const budget = health.budget("far"); budget.allows(); ) budget.spend();
        }),
      ).toBe(0);
    });

    // Mutants seen red: the cost not looked at; an unknown one taken for nothing.
    test("that is too dear, or has no price", async () => {
      const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);
      const started = async (maxCostNanoUsd: bigint, model: string) => {
        const first = gated("near");
        const far = createScriptedAdapter({
          name: "far",
          seller: "acme",
          spends: true,
          defaultModel: model,
          settings: { ...settings, name: "far" },
        });
        const rig = createRig([provider("near", first.play), far], {
          prices,
          routing: { hedge: { ...hedge, maxCostNanoUsd } },
          wait: async () => undefined,
        });
        for (let count = 0; count < 20; count += 1) rig.health.target("near", "model-1").latency.record(100);
        setTimeout(first.open, 20);
        await rig.run();
        return far.inputs.length;
      };
      expect(await started(10_000_000n, "model-1")).toBe(1);
      expect(await started(1000n, "model-1")).toBe(0);
      expect(await started(10_000_000n, "unheard-of")).toBe(0);
    });

    // Mutant seen red: the second weighed by itself, so that both together may cost more than the call may.
    test("that, should both cost the most they can, costs more than the request allows", async () => {
      const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);
      const acme = (name: string, play: Play) =>
        createScriptedAdapter({ name, play, seller: "acme", spends: true, settings: { ...settings, name } });
      const started = async (maxCostNanoUsd: bigint) => {
        const first = gated("near");
        const [near, far] = [acme("near", first.play), acme("far", answer("far"))];
        const rig = createRig([near, far], { prices, routing: { hedge }, wait: async () => undefined });
        for (let count = 0; count < 20; count += 1) rig.health.target("near", "model-1").latency.record(100);
        setTimeout(first.open, 20);
        // 200,000 nano-USD each for the output alone.
        const { error } = await rig.run({ sampling: { maxOutputTokens: 100 }, maxCostNanoUsd });
        expect(error).toBeUndefined();
        return far.inputs.length;
      };
      expect(await started(1_000_000n)).toBe(1);
      expect(await started(300_000n)).toBe(0);
    });
  });

  test("leaves nothing running when its reader leaves in the middle of the answer", async () => {
    const slow = gated("near");
    const endless: Play = async function* () {
      while (true) yield [textDelta({ step: 0, part: 0 }, "x")];
    };
    const { chat, due, health, rows } = racing(slow.play, endless);
    due();
    for await (const events of chat()) if (events.some(({ event }) => event.case === "textDelta")) break;
    await slow.closed;
    expect(rows.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.CANCELLED, AttemptOutcome.CANCELLED]);
    expect(["near", "far"].map((name) => health.target(name, "model-1").running)).toEqual([0, 0]);
  });

  test("an answer without content is an answer too", async () => {
    const empty: Play = async function* () {
      yield [finishedEvent()];
    };
    const { run, due } = racing(silence, empty);
    due();
    expect((await run()).told.at(-1)).toBe("finished by 1");
  });
});
