import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import { AttemptSummarySchema } from "../../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import type { Standing } from "../../../src/ledger/budgets/counter-store.ts";
import type { LedgerStore } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import type { Limit, LimitScope } from "../../../src/limit.ts";
import type { Call } from "../../../src/router/call.ts";
import { admitStage } from "../../../src/router/stages/admit.ts";
import { createLog, type LogFields } from "../../../src/telemetry/log.ts";
import { asking } from "../../support/planning.ts";
import { anyone, testBudgets, testContext, testResolve, testState } from "../../support/routing.ts";
import { createScriptedAdapter, refusing, silence } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import { createRig, kindsOf, usd } from "./rig.ts";

const rate = (amount: bigint, overrides: Partial<Limit> = {}): Limit => ({
  scope: "key",
  value: "k",
  window: "minute",
  unit: "requests",
  amount,
  mode: "hard",
  ...overrides,
});
const slots = (amount: bigint, overrides: Partial<Limit> = {}): Limit =>
  rate(amount, { window: "now", unit: "concurrent", ...overrides });

describe("a rate", () => {
  // Mutant seen red: `started` told before the call is admitted.
  test("refuses the call after the last one by an error alone, with the exact time to wait, and nothing is sent", async () => {
    let now = Date.UTC(2026, 10, 26, 12, 0, 20);
    const nowMs = () => now;
    const { run, adapters } = createRig([{}], [], { budgets: testBudgets([rate(2n)], nowMs), nowMs });
    for (const _ of [1, 2]) expect((await run()).error).toBeUndefined();
    now += 10_500;
    const { events, error } = await run();
    expect(events).toEqual([]);
    expect(error).toMatchObject({
      reason: "RATE_LIMITED",
      code: Code.RESOURCE_EXHAUSTED,
      retryable: true,
      extras: { retryAfterMs: 29_500, quotas: [{ subject: "key:k/minute" }] },
    });
    expect(adapters[0]?.inputs).toHaveLength(2);
    now += 29_500;
    expect((await run()).error).toBeUndefined();
  });

  test.each<readonly [LimitScope, string]>([
    ["tenant", "t"],
    ["persona", "default"],
    ["end_user", "u"],
    ["model", "model-1"],
    ["provider", "near-0"],
  ])("of a %s is kept, for one that is named and for each", async (scope, value) => {
    for (const limit of [rate(1n, { scope, value }), limitForEach(scope)]) {
      const { run } = createRig([{}], [limit]);
      expect((await run({ endUserId: "u" })).error).toBeUndefined();
      const { error } = await run({ endUserId: "u" });
      expect(error?.reason).toBe("RATE_LIMITED");
      expect(error?.extras.quotas).toMatchObject([{ subject: `${scope}:${value}/minute` }]);
    }
  });

  test("of end users tells those of two tenants apart, and counts calls that name none as one", async () => {
    const { run } = createRig([{}], [limitForEach("end_user")]);
    const other = { principal: { ...anyone, tenant: "t2" } };
    const results = [
      await run({ endUserId: "u" }),
      await run({ endUserId: "u" }, other),
      await run({ endUserId: "U" }),
      await run(),
      await run(),
      await run({ endUserId: "u" }, other),
    ];
    expect(results.map(({ error }) => error?.reason)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      "RATE_LIMITED",
      "RATE_LIMITED",
    ]);
  });

  test("that is a soft one only warns", async () => {
    const { run } = createRig([{}], [rate(1n, { mode: "soft" })]);
    await run();
    const { events, error } = await run();
    expect(error).toBeUndefined();
    expect(kindsOf(events).slice(0, 3)).toEqual(["started", "attemptStarted", "warning"]);
  });
});

describe("a call that has no attempt", () => {
  const day = rate(12n, { scope: "tenant", value: "t", window: "day" });
  const slot = slots(1n);

  // Mutants seen red: each call that was admitted counted; none counted.
  test.each<readonly [string, Partial<Limit>, string]>([
    ["a budget in money", {}, "BUDGET_EXCEEDED"],
    ["a model without a price", { scope: "persona", value: "default", amount: 1_000_000_000n }, "MODEL_UNPRICED"],
  ])("because of %s uses up no limit on calls, so that others of its tenant go on", async (_, overrides, reason) => {
    const isUnpriced = reason === "MODEL_UNPRICED";
    const limits = [day, slot, usd(1n, overrides)];
    const { run, standing, adapters, rows } = createRig([isUnpriced ? { seller: "nobody" } : {}], limits);
    for (let count = 0; count < 13; count += 1) expect((await run()).error?.reason).toBe(reason);
    expect(adapters[0]?.inputs).toHaveLength(0);
    expect(rows).toHaveLength(0);
    for (const limit of [day, slot]) await waitForStanding(standing, limit, { settled: 0n, reserved: 0n });
    if (isUnpriced) return;
    const other = { principal: { ...anyone, key: "other" } };
    expect((await run({}, other)).error).toBeUndefined();
    await waitForStanding(standing, day, { settled: 1n, reserved: 0n });
  });

  test("because a limit on calls refuses it uses up nothing of the other ones", async () => {
    const { run, standing } = createRig([{}], [rate(1n), day, slot]);
    expect((await run()).error).toBeUndefined();
    for (const _ of [1, 2]) expect((await run()).error?.reason).toBe("RATE_LIMITED");
    await waitForStanding(standing, day, { settled: 1n, reserved: 0n });
    await waitForStanding(standing, slot, { settled: 0n, reserved: 0n });
  });

  // Mutants seen red: an attempt that has no row counted at its model; a call counted whatever became of its attempt.
  test.each([
    ["cannot be written down", false, 0n],
    ["is written down when its caller has left", true, 1n],
  ])("counts as the ledger does where its attempt %s", async (_, isKept, calls) => {
    const opening = Promise.withResolvers<void>();
    let isAsked = false;
    const ofModel = rate(5n, { scope: "model", value: "model-1" });
    const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
    const open: LedgerStore["open"] = async (attempt) => {
      isAsked = true;
      await opening.promise;
      if (!isKept) throw new ExecutionError("LEDGER_UNAVAILABLE", "planted");
      await store.open(attempt);
    };
    const { chat, standing } = createRig([{}], [day, ofModel], { ledger: { ...store, open } });
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _read of chat({}, { signal: controller.signal }));
    })().catch((thrown: unknown) => thrown);
    await waitFor(() => isAsked, { what: "the attempt" });
    controller.abort(new ExecutionError("CANCELLED", "planted"));
    opening.resolve();
    await reading;
    for (const limit of [day, ofModel]) await waitForStanding(standing, limit, { settled: calls, reserved: 0n });
  });

  // Mutants seen red: settled before the attempt that is being opened is known; a slot kept until a provider that does not stop has stopped.
  test("is known when it has stopped, and one that has an attempt keeps its slot no longer than it is read", async () => {
    for (const attempts of [[], [create(AttemptSummarySchema)]]) {
      const isOpen = attempts.length > 0;
      const budgets = testBudgets([day, slot]);
      const stopped = Promise.withResolvers<IteratorReturnResult<undefined>>();
      const source = { next: () => stopped.promise, return: () => stopped.promise };
      const call: Call = {
        context: testContext(),
        asked: asking(),
        resolved: testResolve(testState([createScriptedAdapter({ name: "near" })]), asking(), anyone),
        step: 0,
        streamId: "stream_1",
        record: { attempts, contentSent: false, firstContentMs: undefined, priceVersion: "" },
        elapsedMs: () => 0,
      };
      const iterator = admitStage({ budgets, book: { idOf: () => undefined } })(call, () => ({
        [Symbol.asyncIterator]: () => source,
      }))[Symbol.asyncIterator]();
      const standing = (limit: Limit) => budgets.counters.peek({ limit, subject: limit.value ?? "k" });
      const read = iterator.next();
      await waitFor(async () => (await standing(day)).reserved === 1n, { what: "the call" });
      const left = iterator.return?.();
      await nextTurn();
      expect(await standing(slot)).toMatchObject({ reserved: isOpen ? 0n : 1n });
      if (!isOpen) attempts.push(create(AttemptSummarySchema));
      stopped.resolve({ done: true, value: undefined });
      await Promise.all([read, left]);
      expect(await standing(day)).toMatchObject({ settled: 1n, reserved: 0n });
      expect(await standing(slot)).toMatchObject({ settled: 0n, reserved: 0n });
    }
  });
});

describe("slots", () => {
  // Mutant seen red: a slot that is given back where the call finished, and nowhere else.
  test("are free again after answers, failures, refusals and callers that leave", async () => {
    const limits = [slots(3n), slots(3n, { scope: "provider", value: "near-0" })];
    const internal = new ExecutionError("PROVIDER_REJECTED", "planted");
    const { chat, run, standing, adapters } = createRig([{ play: silence }], limits);
    const running = [1, 2, 3].map(() => chat()[Symbol.asyncIterator]());
    for (const iterator of running) await iterator.next();
    expect(await standing()).toMatchObject({ reserved: 3n });
    expect((await run()).error).toMatchObject({ reason: "RATE_LIMITED", extras: { retryAfterMs: 1000 } });
    const silent = running.map((iterator) => iterator.next());
    await Promise.all(running.map((iterator) => iterator.return?.()));
    await Promise.all(silent);
    for (const limit of limits) expect(await standing(limit)).toMatchObject({ reserved: 0n, settled: 0n });
    expect(adapters[0]?.inputs).toHaveLength(3);
    const failing = createRig([{ play: refusing(internal) }], limits);
    expect((await failing.run()).error).toBeDefined();
    const answering = createRig([{}], limits);
    await answering.run();
    for (const limit of limits) {
      expect(await failing.standing(limit)).toMatchObject({ reserved: 0n, settled: 0n });
      expect(await answering.standing(limit)).toMatchObject({ reserved: 0n, settled: 0n });
    }
  });

  test("are free again when a call's time is over, and when it is cancelled from elsewhere", async () => {
    const limits = [slots(1n)];
    const { chat, standing } = createRig([{ play: silence }], limits);
    for (const reason of ["DEADLINE", "CANCELLED", "INTERRUPTED"] as const) {
      const controller = new AbortController();
      const reading = (async () => {
        for await (const _ of chat({}, { signal: controller.signal }));
      })().catch((thrown: unknown) => thrown);
      await waitFor(async () => (await standing()).reserved === 1n, { what: "the call" });
      controller.abort(new ExecutionError(reason, "planted"));
      expect(await reading).toMatchObject({ reason });
      await waitFor(async () => (await standing()).reserved === 0n, { what: "the slot" });
    }
  });
});

// Mutants seen red: nothing noted where a call begins; nothing where it ends; a call that is refused noted; what runs at once noted beyond the first.
describe("a shadow limit", () => {
  const rig = (limits: readonly Limit[], adapter: Parameters<typeof createRig>[0][number] = {}) => {
    const logged: unknown[] = [];
    const keep = (_: string, fields?: LogFields): void => {
      logged.push(fields);
    };
    const log = { ...createLog("silent"), info: keep };
    return { ...createRig([adapter], limits, { budgets: { ...testBudgets(limits), log } }), logged };
  };
  const budgetId = expect.stringMatching(/^configured_/);

  test("of calls is logged by the call that exceeds it, once, and not by one that is refused", async () => {
    const limits = [
      rate(2n, { mode: "shadow" }),
      rate(2n, { mode: "shadow", scope: "model", value: "model-1" }),
      rate(1n, { mode: "shadow", scope: "end_user", value: "ada" }),
    ];
    const { run, logged, standing } = rig(limits);
    const told = async (count: number) => {
      for (let call = 0; call < count; call += 1) await run({ endUserId: "grace" });
      await waitFor(async () => (await standing()).reserved === 0n, { what: "the end of the calls" });
      return logged;
    };
    expect(await told(2)).toEqual([]);
    const model = { budgetId, scope: "model:model-1/minute", unit: "requests" };
    const key = { budgetId, scope: "key:k/minute", unit: "requests" };
    expect(await told(3)).toEqual([model, key]);
    for (const _ of [1, 2]) await run({ endUserId: "ada" });
    await waitFor(() => logged.length === 3, { what: "that of the end user" });
    expect(logged[2]).toEqual({ budgetId, scope: "end_user/minute", unit: "requests" });
    const broke = rig([rate(0n, { mode: "shadow" }), usd(1n)]);
    expect((await broke.run()).error?.reason).toBe("BUDGET_EXCEEDED");
    await waitFor(async () => (await broke.standing()).reserved === 0n, { what: "the end of the call" });
    expect(broke.logged).toEqual([]);
  });

  test("of what runs at once is logged each time it is exceeded, and not by what comes on top", async () => {
    const limits = [slots(1n, { mode: "shadow" }), slots(1n, { mode: "shadow", scope: "provider", value: "near-0" })];
    const { chat, logged, standing } = rig(limits, { play: silence });
    const key = { budgetId, scope: "key:k/now", unit: "concurrent" };
    const provider = { budgetId, scope: "provider:near-0/now", unit: "concurrent" };
    for (const times of [1, 2]) {
      const running = [1, 2, 3].map(() => chat()[Symbol.asyncIterator]());
      for (const [index, iterator] of running.entries()) {
        await iterator.next();
        const count = times - (index === 0 ? 1 : 0);
        expect(logged).toEqual(Array.from({ length: count }, () => [key, provider]).flat());
      }
      await Promise.all(running.map((iterator) => iterator.return?.()));
      for (const limit of limits) await waitForStanding(standing, limit, { settled: 0n, reserved: 0n });
    }
  });
});

async function waitForStanding(
  standing: (limit: Limit) => Promise<Standing>,
  limit: Limit,
  { settled, reserved }: Pick<Standing, "settled" | "reserved">,
): Promise<void> {
  // A slot is given back when the caller has been told.
  await waitFor(async () => (await standing(limit)).reserved === reserved, { what: "what was held" });
  expect(await standing(limit)).toMatchObject({ settled, reserved });
}

function limitForEach(scope: LimitScope): Limit {
  const { value: _named, ...each } = rate(1n, { scope });
  return each;
}
