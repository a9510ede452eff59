import { describe, expect, test } from "@jest/globals";
import type { ProviderSettings } from "../../../src/adapters/adapter.ts";
import { providerState, textDelta, usageEvent, warning } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { FallbackPolicy } from "../../../src/gen/execution/v1/chat_pb.js";
import { AttemptOutcome, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { acmeTable } from "../../ledger/prices/rig.ts";
import { answer, createScriptedAdapter, inTurn, type Play, refusing, silence } from "../../support/scripted-adapter.ts";
import { createRig, failure } from "./rig.ts";

const internal = refusing(failure("PROVIDER_INTERNAL"));
const settings = { retries: 1, breaker: { failures: 3, cooldownMs: 1000 } } satisfies Partial<ProviderSettings>;
const provider = (name: string, play: Play = answer(name), extra: Partial<ProviderSettings> = {}) =>
  createScriptedAdapter({ name, play, settings: { ...settings, name, ...extra } });

describe("a call whose provider fails before content", () => {
  test("is tried again, and then by the next candidate; each attempt is told, with what comes next", async () => {
    const { run, waits } = createRig([provider("near", internal), provider("far")]);
    const { told, error } = await run();
    expect(error).toBeUndefined();
    expect(told).toEqual([
      "started",
      "attempt 0 near",
      "failed 0 PROVIDER_INTERNAL RETRY",
      "attempt 1 near",
      "failed 1 PROVIDER_INTERNAL FALLBACK",
      "attempt 2 far",
      "text 0 far",
      "usage 2",
      "finished by 2",
    ]);
    expect(waits).toEqual([125]);
  });

  // Mutants seen red: the winner's figures alone; a row for the winner only.
  test("has all attempts in `finished`, in its sums and in the ledger", async () => {
    const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);
    const half: Play = async function* ({ step, attempt, onHeaders }) {
      onHeaders();
      yield [usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 10, outputTotal: 0 }, false)];
      throw failure("PROVIDER_OVERLOADED");
    };
    const acme = (name: string, play: Play) =>
      createScriptedAdapter({ name, play, seller: "acme", spends: true, settings: { ...settings, name } });
    const { run, rows } = createRig([acme("near", half), acme("far", answer("far"))], { prices });
    const { events } = await run();
    const finished = events.at(-1)?.event.value;
    expect(finished).toMatchObject({
      attempt: 1,
      candidate: { provider: "far" },
      usage: { inputTotal: 12, outputTotal: 1 },
      costNanoUsd: 14_000n,
      attempts: [
        {
          attempt: 0,
          outcome: AttemptOutcome.FAILED,
          reason: "PROVIDER_OVERLOADED",
          billed: Billed.YES,
          costNanoUsd: 10_000n,
        },
        { attempt: 1, outcome: AttemptOutcome.WON, billed: Billed.YES, costNanoUsd: 4_000n },
      ],
    });
    expect(rows.map(({ provider: at, costNanoUsd, outcome }) => [at, costNanoUsd, outcome])).toEqual([
      ["near", 10_000n, AttemptOutcome.FAILED],
      ["far", 4_000n, AttemptOutcome.WON],
    ]);
  });

  // Mutant seen red: whatever an attempt says is handed on at once.
  test("begins its answer with nothing of an attempt that failed", async () => {
    const place = { step: 0, part: 0 };
    const state = { owner: "near", kind: "redacted", mimeType: "", data: new Uint8Array([1]), id: "" };
    const stateThen = (rest: Play): Play =>
      async function* (input) {
        yield [providerState(place, state), warning("ODD", "", "odd")];
        yield* rest(input);
      };
    const { run } = createRig([provider("near", stateThen(internal)), provider("far", stateThen(answer("far")))]);
    const { told } = await run();
    expect(told.filter((word) => word === "providerState")).toHaveLength(1);
    expect(told.indexOf("providerState")).toBe(told.indexOf("text 0 far") - 1);
    expect(told.filter((word) => word === "warning ODD")).toHaveLength(1);
  });

  test("fails with its attempts' own error if all failed alike, with NO_HEALTHY_TARGET if they did not", async () => {
    const alike = await createRig([provider("near", internal), provider("far", internal)]).run();
    expect(alike.error).toMatchObject({ reason: "PROVIDER_INTERNAL", code: Code.UNAVAILABLE, retryable: true });
    expect(alike.told.at(-1)).toBe("failed 3 PROVIDER_INTERNAL FAIL");
    const auth = provider("far", refusing(failure("PROVIDER_AUTH")));
    const mixed = await createRig([provider("near", internal), auth]).run();
    expect(mixed.error).toMatchObject({
      reason: "NO_HEALTHY_TARGET",
      code: Code.UNAVAILABLE,
      retryable: true,
      extras: {
        retryAfterMs: 60_000,
        failure: { attempts: [{ attempt: 0 }, { attempt: 1 }, { attempt: 2, reason: "PROVIDER_AUTH" }] },
      },
    });
  });

  test("goes no further where the request allows no fallback", async () => {
    const far = provider("far");
    const { told } = await createRig([provider("near", internal), far]).run({ fallbackPolicy: FallbackPolicy.DENY });
    expect(told.at(-1)).toBe("failed 1 PROVIDER_INTERNAL FAIL");
    expect(far.inputs).toEqual([]);
  });

  // Mutant seen red: the next candidate called without being asked.
  test("passes by a candidate whose adapter cannot build the request: that is no attempt", async () => {
    const unfit = createScriptedAdapter({
      name: "unfit",
      preview: () => {
        throw failure("CAPABILITY_MISSING");
      },
    });
    const { run, rows } = createRig([provider("near", refusing(failure("PROVIDER_AUTH"))), unfit, provider("far")]);
    const { told } = await run();
    expect(told.filter((word) => word.startsWith("attempt"))).toEqual(["attempt 0 near", "attempt 1 far"]);
    expect(unfit.inputs).toEqual([]);
    expect(rows).toHaveLength(2);
  });

  // Mutant seen red: each attempt held to the ceiling alone.
  test("is tried no more than its ceiling on costs leaves room for, should every attempt cost the most it can", async () => {
    const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1", output: "2" } }])]);
    const silent: Play = async function* () {
      yield [];
      throw failure("PROVIDER_NETWORK");
    };
    const attempts = async (maxCostNanoUsd: bigint, play: Play) => {
      const near = createScriptedAdapter({
        name: "near",
        play,
        seller: "acme",
        spends: true,
        settings: { ...settings, name: "near", retries: 5 },
      });
      const { run } = createRig([near], { prices });
      await run({ maxCostNanoUsd, sampling: { maxOutputTokens: 10 } });
      return near.inputs.length;
    };
    // One costs at most 88,000 nano-USD. What was refused cost nothing; of what broke off that is not known.
    expect(await attempts(200_000n, silent)).toBe(2);
    expect(await attempts(1_000_000n, silent)).toBe(3);
    expect(await attempts(100_000n, internal)).toBe(3);
  });

  // Mutant seen red: a budget that is not asked again when the wait is over.
  test("goes to the next candidate if others have used up the budget while it waited to be tried again", async () => {
    const near = provider("near", internal);
    const rig = createRig([near, provider("far")], {
      wait: async () => {
        for (const budget = rig.health.budget("near"); budget.allows(); ) budget.spend();
      },
    });
    const { told, error } = await rig.run();
    expect(error).toBeUndefined();
    expect(told.slice(1, 5)).toEqual([
      "attempt 0 near",
      "failed 0 PROVIDER_INTERNAL RETRY",
      "attempt 1 far",
      "text 0 far",
    ]);
    expect(near.inputs).toHaveLength(1);
    expect(rig.health.target("near", "model-1").running).toBe(0);
  });

  test("is not tried again after its caller has left", async () => {
    const caller = new AbortController();
    const leaving: Play = async function* () {
      yield [];
      caller.abort(failure("CANCELLED"));
      throw failure("PROVIDER_INTERNAL");
    };
    const near = provider("near", leaving);
    const wait = async (_ms: number, signal: AbortSignal): Promise<void> => signal.throwIfAborted();
    const { error } = await createRig([near], { wait }).run({}, { signal: caller.signal });
    expect(error).toMatchObject({ reason: "CANCELLED", code: Code.CANCELLED });
    expect(near.inputs).toHaveLength(1);
  });
});

describe("a call whose provider fails after content", () => {
  // Mutant seen red: `hadContent` not looked at, so that the next candidate begins anew.
  test("is not tried by anybody else, and nothing is said twice", async () => {
    const far = provider("far");
    const cut: Play = async function* ({ step }) {
      yield [textDelta({ step, part: 0 }, "half")];
      throw failure("PROVIDER_OVERLOADED");
    };
    const { told, error } = await createRig([provider("near", cut), far]).run();
    expect(told).toEqual(["started", "attempt 0 near", "text 0 half"]);
    expect(error).toMatchObject({ reason: "PROVIDER_OVERLOADED", code: Code.ABORTED });
    expect(far.inputs).toEqual([]);
  });
});

describe("the deadline", () => {
  // Mutant seen red: the first candidate may use all of the time.
  test("is shared: a silent candidate has half of what is left while another could take over, the last all of it", async () => {
    const { run } = createRig([provider("near", silence), provider("far", silence), provider("third")]);
    const { told } = await run({}, { remainingMs: () => 200 });
    expect(told.slice(1, 6)).toEqual([
      "attempt 0 near",
      "failed 0 PROVIDER_TIMEOUT FALLBACK",
      "attempt 1 far",
      "failed 1 PROVIDER_TIMEOUT FALLBACK",
      "attempt 2 third",
    ]);
  });

  // Mutants seen red: the time that is left not looked at; an attempt that is given no more than 100 ms to begin to answer, whatever its model usually needs.
  test("lets no attempt start that cannot finish", async () => {
    const asked = async (remainingMs: number, usualMs: number): Promise<number> => {
      const far = provider("far");
      const { run, health } = createRig([provider("near", internal, { retries: 0 }), far]);
      health.target("far", "model-1").latency.record(usualMs);
      const { told } = await run({}, { remainingMs: () => remainingMs });
      expect(told).toContain(`failed 0 PROVIDER_INTERNAL ${far.inputs.length === 0 ? "FAIL" : "FALLBACK"}`);
      return far.inputs.length;
    };
    expect(await asked(100, 10)).toBe(1);
    expect(await asked(99, 10)).toBe(0);
    expect(await asked(5000, 5000)).toBe(1);
    expect(await asked(4999, 5000)).toBe(0);
  });

  // Mutants seen red: no limit on the first content; none on the whole answer; the first content's, which goes on after it has come.
  test("apart from it an instance limits the first content and the whole answer", async () => {
    const timeouts = { connectMs: 1, headersMs: 1, idleMs: 1 };
    const slow = provider("near", silence, { retries: 0, timeouts: { ...timeouts, firstTokenMs: 20 } });
    expect((await createRig([slow]).run()).error).toMatchObject({
      reason: "PROVIDER_TIMEOUT",
      message: "the provider did not begin to answer within 20 ms",
    });
    const endless: Play = async function* (input) {
      yield [textDelta({ step: 0, part: 0 }, "x")];
      yield* silence(input);
    };
    for (const firstTokenMs of [30, 10_000]) {
      const total = provider("near", endless, { timeouts: { ...timeouts, firstTokenMs, totalMs: 60 } });
      const { error, told } = await createRig([total]).run();
      expect(error).toMatchObject({
        reason: "PROVIDER_TIMEOUT",
        code: Code.ABORTED,
        message: "the provider's answer was not complete within 60 ms",
      });
      expect(told.at(-1)).toBe("text 0 x");
    }
  });
});

describe("the health of a provider", () => {
  const unretried = { retries: 0 };
  const attempts = (adapters: readonly { readonly inputs: readonly unknown[] }[]) =>
    adapters.map(({ inputs }) => inputs.length);

  // Mutants seen red: outcomes not reported; a breaker that is asked by nobody.
  test("keeps a candidate that fails again and again out of later calls, until a probe succeeds", async () => {
    const near = provider("near", inTurn(internal, internal, internal, answer("near")), unretried);
    const far = provider("far");
    const { run, pass } = createRig([near, far]);
    for (let call = 0; call < 5; call += 1) expect((await run()).error).toBeUndefined();
    expect(attempts([near, far])).toEqual([3, 5]);
    pass(1000);
    expect((await run()).told).toContain("text 0 near");
    expect((await run()).told).toContain("text 0 near");
    expect(attempts([near, far])).toEqual([5, 5]);
  });

  // Mutant seen red: whoever comes is let through.
  test("lets one of two calls probe that come at once; the other goes elsewhere", async () => {
    const first = Promise.withResolvers<void>();
    const probe: Play = async function* (input) {
      await first.promise;
      yield* answer("near")(input);
    };
    const near = provider("near", inTurn(internal, internal, internal, probe), unretried);
    const far = provider("far");
    const { run, chat, pass } = createRig([near, far]);
    for (let call = 0; call < 3; call += 1) await run();
    pass(1000);
    const [one, other] = [chat(), chat()].map((stream) => stream[Symbol.asyncIterator]());
    const places: (string | undefined)[] = [];
    for (const iterator of [one, other]) {
      const [, event] = (await iterator?.next())?.value ?? [];
      if (event?.event.case === "attemptStarted") places.push(event.event.value.candidate?.provider);
    }
    expect(places).toEqual(["near", "far"]);
    first.resolve();
    for (const iterator of [one, other]) await iterator?.return?.();
  });

  test("is shown by a plan, and refuses a call that nobody else can serve, plainly and with the time to wait", async () => {
    const near = provider("near", refusing(failure("PROVIDER_AUTH")), unretried);
    const { run, chat } = createRig([near]);
    await run();
    expect(() => chat()).toThrow(
      expect.objectContaining({
        reason: "NO_HEALTHY_TARGET",
        message: "near/model-1 is kept out after failures; it may be tried again in 60.0 s",
        extras: expect.objectContaining({ retryAfterMs: 60_000 }),
      }),
    );
    expect(near.inputs).toHaveLength(1);
  });

  test("counts an answer that breaks off after content", async () => {
    const cut: Play = async function* ({ step }) {
      yield [textDelta({ step, part: 0 }, "half")];
    };
    const { run, health } = createRig([provider("near", cut)]);
    for (let call = 0; call < 3; call += 1) await run();
    expect(health.stateOf("near", "model-1").state).toBe("open");
  });

  test("is not touched by what a request or its caller does", async () => {
    const verdicts = ["PROVIDER_REJECTED", "CONTENT_BLOCKED", "CONTEXT_TOO_LONG", "CANCELLED", "BUG"] as const;
    for (const reason of verdicts) {
      const { run, health } = createRig([provider("near", refusing(failure(reason)), unretried)]);
      for (let call = 0; call < 5; call += 1) await run();
      expect(health.stateOf("near", "model-1").state).toBe("closed");
    }
  });

  test("a rate limit pauses: the call itself waits for it, and calls that could go elsewhere do", async () => {
    const limited = refusing(failure("PROVIDER_RATE_LIMITED", { retryAfterMs: 800 }));
    const near = provider("near", inTurn(limited, answer("near")));
    const { run, waits, health } = createRig([near]);
    expect((await run()).told).toContain("text 0 near");
    expect(waits).toEqual([925]);
    expect(health.stateOf("near", "model-1").state).toBe("closed");
    const slower = refusing(failure("PROVIDER_RATE_LIMITED", { retryAfterMs: 5000 }));
    const elsewhere = createRig([provider("near", slower), provider("far")]);
    await elsewhere.run();
    expect((await elsewhere.run()).told.slice(1, 3)).toEqual(["attempt 0 far", "text 0 far"]);
    expect(elsewhere.health.stateOf("near", "model-1").state).toBe("paused");
  });

  test("under a request that allows no fallback refuses rather than go elsewhere", async () => {
    const { run, chat } = createRig([provider("near", refusing(failure("PROVIDER_AUTH"))), provider("far")]);
    await run();
    expect(() => chat({ fallbackPolicy: FallbackPolicy.DENY })).toThrow(
      expect.objectContaining({ reason: "NO_HEALTHY_TARGET" }),
    );
  });

  test("is judged as the persona says, where it does", async () => {
    const routing = { retries: 0, breaker: { failures: 1, cooldownMs: 250 } };
    const { run, health } = createRig([provider("near", internal)], { routing });
    expect((await run()).told).not.toContain("attempt 1 near");
    expect(health.stateOf("near", "model-1")).toMatchObject({ state: "open", waitMs: 250 });
  });
});
