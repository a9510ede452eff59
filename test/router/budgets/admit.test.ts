import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import type { Limit, LimitScope } from "../../../src/limit.ts";
import { anyone, testBudgets } from "../../support/routing.ts";
import { refusing, silence } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import { createRig, kindsOf } from "./rig.ts";

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

function limitForEach(scope: LimitScope): Limit {
  const { value: _named, ...each } = rate(1n, { scope });
  return each;
}
