import { describe, expect, test } from "@jest/globals";
import type { AttemptInput } from "../../../src/adapters/adapter.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import { createBudgetBook } from "../../../src/ledger/budgets/book.ts";
import { createLimitRegistry } from "../../../src/ledger/budgets/registry.ts";
import { createMemoryRecords } from "../../../src/ledger/stores/memory-records.ts";
import type { Limit } from "../../../src/limit.ts";
import { createLog, type LogFields } from "../../../src/telemetry/log.ts";
import { createRandom } from "../../emulators/random.ts";
import { testBudgets, testContext } from "../../support/routing.ts";
import { answer, refusing } from "../../support/scripted-adapter.ts";
import { seedsUpTo, tellOfSeed } from "../../support/seeds.ts";
import { createCounterWatch } from "../../support/watched-counters.ts";
import { expectMaximumHoldsNobodyBack } from "./high-maximum.ts";
import {
  type Bill,
  budgetsTold,
  costOfBill,
  createRig,
  DEAR,
  INPUT_NANO_USD,
  kindsOf,
  METERED,
  OPAQUE,
  OUTPUT_NANO_USD,
  SHORT_WORD,
  usd,
  words,
} from "./rig.ts";

const noBill = (): Bill => ({ inputTokens: 0, outputTokens: 0 });
/** Input of a test's request at most: its 2 bytes, and 64 tokens of a message. */
const INPUT_TOKENS = 66n;

describe("a stream on a metered model", () => {
  // Mutants seen red: no lease taken while streaming; the next 512 taken without being asked for; nothing taken where there is no room for all 512.
  test("is cut within 512 tokens of a tiny budget, with the budget, its usage and the right error; nothing is overshot", async () => {
    const bill = noBill();
    const limit = usd(INPUT_TOKENS * INPUT_NANO_USD + 2000n * OUTPUT_NANO_USD);
    const { run, standing, rows } = createRig([{ play: words(1_000_000, bill, { word: SHORT_WORD }) }], [limit]);
    const { events, error } = await run();
    expect(error).toMatchObject({
      reason: "BUDGET_EXCEEDED",
      code: Code.RESOURCE_EXHAUSTED,
      retryable: false,
      extras: { partial: true, quotas: [{ subject: "key:k/total" }] },
    });
    expect(error?.extras).not.toHaveProperty("retryAfterMs");
    expect(budgetsTold(events)).toMatchObject([{ scope: "key:k/total", cut: true, limitNanoUsd: limit.amount }]);
    expect(budgetsTold(events)[0]?.percentUsed).toBeGreaterThan(80);
    expect(kindsOf(events).slice(-2)).toEqual(["budget", "usage"]);
    expect(events.at(-1)?.event.value).toMatchObject({ final: true, usage: { outputTotal: expect.any(Number) } });
    expect(costOfBill(bill)).toBeLessThanOrEqual(limit.amount);
    expect(bill.outputTokens).toBeGreaterThan(2000 - 512);
    expect(await standing()).toMatchObject({ reserved: 0n });
    expect((await standing()).settled).toBeLessThanOrEqual(limit.amount);
    expect(rows).toMatchObject([{ reason: "BUDGET_EXCEEDED" }]);
  });

  // Mutants seen red: all that the caller allows reserved at once; all of it asked for when the first 512 tokens are used.
  test("is not held back by what its caller would allow at most", () => expectMaximumHoldsNobodyBack());

  test("asks for no more than its caller's own maximum", async () => {
    const { run, budgets } = createRig([{ play: words(100, noBill()) }], [usd(1_000_000n)]);
    let extended = 0;
    const { extend } = budgets.counters;
    Object.assign(budgets.counters, {
      extend: (...args: Parameters<typeof extend>) => {
        extended += 1;
        return extend(...args);
      },
    });
    expect((await run({ sampling: { maxOutputTokens: 100 } })).error).toBeUndefined();
    expect(extended).toBe(0);
  });
});

describe("a stream in large pieces", () => {
  // Mutant seen red: whatever is streamed beyond what was granted counts as a budget that is used up.
  test("is not cut where all is held that its caller allows, however many tokens the pieces may be", async () => {
    const text = "word ".repeat(450);
    const { run, standing } = createRig([{ play: answer(text, 450) }], [usd(1_000_000_000n)]);
    expect((await run({ sampling: { maxOutputTokens: 600 } })).error).toBeUndefined();
    expect(await standing()).toMatchObject({ reserved: 0n });
  });
});

describe("a call on an opaque model", () => {
  // Mutants seen red: opaque models metered by what they show; no maximum sent.
  test("reserves what can be paid for, sends that as its maximum with a warning, and overshoots nothing by 10,000 hidden tokens", async () => {
    const limit = usd(25_000_000n);
    const bill = noBill();
    const hidden = ({ request }: AttemptInput): number => Math.min(10_000, request.sampling?.maxOutputTokens ?? 10_000);
    const { run, adapters, standing } = createRig(
      [
        {
          support: OPAQUE,
          maxOutputTokens: 100_000,
          play: async function* (input) {
            const outputTokens = hidden(input);
            bill.inputTokens += 3;
            bill.outputTokens += outputTokens;
            yield* answer("shown", outputTokens)(input);
          },
        },
      ],
      [limit],
    );
    const { events, error } = await run();
    expect(error).toBeUndefined();
    const sent = adapters[0]?.inputs[0]?.request.sampling?.maxOutputTokens ?? 0;
    expect(sent).toBeGreaterThan(10_000);
    expect(sent).toBeLessThan(12_500);
    expect(events.flatMap(({ event }) => (event.case === "warning" ? [event.value.code] : []))).toEqual([
      "OUTPUT_CAPPED",
    ]);
    const second = await run();
    expect(second.error).toBeUndefined();
    expect(costOfBill(bill)).toBeLessThanOrEqual(limit.amount);
    expect((await standing()).settled).toBeLessThanOrEqual(limit.amount);
    expect((await run()).error).toMatchObject({ reason: "BUDGET_EXCEEDED" });
  });

  test("keeps its caller's lower maximum, without a warning", async () => {
    const { run, adapters } = createRig([{ support: OPAQUE, maxOutputTokens: 100_000 }], [usd(1_000_000_000n)]);
    const { events } = await run({ sampling: { maxOutputTokens: 700 } });
    expect(adapters[0]?.inputs[0]?.request.sampling?.maxOutputTokens).toBe(700);
    expect(kindsOf(events)).not.toContain("warning");
  });

  // Mutant seen red: an attempt that was left settled with what it showed.
  test("that is left counts with the most it may have cost", async () => {
    const limit = usd(1_000_000_000n);
    const { chat, standing } = createRig(
      [{ support: OPAQUE, maxOutputTokens: 1000, play: words(50, noBill()) }],
      [limit],
    );
    const iterator = chat()[Symbol.asyncIterator]();
    for (const _ of [1, 2, 3]) await iterator.next();
    await iterator.return?.();
    const { settled, reserved } = await standing();
    expect(reserved).toBe(0n);
    expect(settled).toBeGreaterThanOrEqual(1000n * OUTPUT_NANO_USD);
  });
});

describe("a crowd", () => {
  const tenCents = 50_000;
  // Mutants seen red: a lease that is taken without being counted; one that broke off settled with nothing.
  test.each(seedsUpTo(5))("of 1,000 calls of $0.10 overshoots a hard $1.00 by nothing (seed %i)", async (seed) => {
    const limit = usd(1_000_000_000n);
    const bill = noBill();
    const random = createRandom(seed);
    const turns = async (most: number): Promise<void> => {
      for (let turn = random() * most; turn > 0; turn -= 1) await Promise.resolve();
    };
    const watched = createCounterWatch();
    const budgets = testBudgets([limit]);
    const { run, standing } = createRig(
      [
        {
          support: OPAQUE,
          play: async function* (input) {
            await turns(20);
            yield [];
            // Half more input than there is, thought that nobody sees, and usage that comes late, if it does.
            const outputTotal = Math.min(input.request.sampling?.maxOutputTokens ?? 0, Math.ceil(random() * tenCents));
            bill.inputTokens += 3;
            bill.outputTokens += outputTotal;
            await turns(5);
            if (random() < 0.1) throw new ExecutionError("UPSTREAM_TRUNCATED", "cut");
            yield* answer("x", outputTotal)(input);
          },
        },
      ],
      [limit],
      { budgets: { ...budgets, counters: watched.watch(budgets.counters) } },
    );
    const results = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        await turns(200);
        return run({ sampling: { maxOutputTokens: tenCents } });
      }),
    );
    const reasons = Map.groupBy(results, ({ error }) => error?.reason ?? "answered");
    const refused = reasons.get("BUDGET_EXCEEDED") ?? [];
    expect(refused.length).toBeGreaterThan(900);
    expect(
      [...reasons.keys()].filter((reason) => !["answered", "BUDGET_EXCEEDED", "UPSTREAM_TRUNCATED"].includes(reason)),
    ).toEqual([]);
    const highest = watched.highest();
    tellOfSeed(seed, { steps: watched.steps(), highest, billed: costOfBill(bill), sent: 1000 - refused.length });
    expect(watched.contradictions).toEqual([]);
    expect(highest).toBeLessThanOrEqual(limit.amount);
    expect(costOfBill(bill)).toBeLessThanOrEqual((await standing()).settled);
    expect((await standing()).settled).toBeLessThanOrEqual(limit.amount);
    expect(await standing()).toMatchObject({ reserved: 0n });
  });

  test("on a metered model is cut where the budget ends, and overshoots nothing", async () => {
    const limit = usd(20_000_000n);
    const bill = noBill();
    const { run, standing } = createRig([{ play: words(10_000, bill) }], [limit]);
    const results = await Promise.all(Array.from({ length: 50 }, () => run()));
    expect(results.every(({ error }) => error?.reason === "BUDGET_EXCEEDED")).toBe(true);
    expect(costOfBill(bill)).toBeLessThanOrEqual(limit.amount);
    expect((await standing()).settled).toBeLessThanOrEqual(limit.amount);
    expect(await standing()).toMatchObject({ reserved: 0n });
  });
});

describe("an attempt", () => {
  const internal = new ExecutionError("PROVIDER_INTERNAL", "planted");

  // Mutant seen red: one lease for the whole call.
  test("of each kind reserves for itself, and one that is not billed costs its budget nothing", async () => {
    const limit = usd(10_000_000n);
    const { run, standing } = createRig([{ play: refusing(internal) }, { play: words(10, noBill()) }], [limit]);
    expect((await run()).error).toBeUndefined();
    expect(await standing()).toMatchObject({ settled: 2n * INPUT_NANO_USD + 10n * OUTPUT_NANO_USD, reserved: 0n });
  });

  test("that a budget refuses goes to another candidate that fits, was never begun, and has no row", async () => {
    const { run, adapters, rows } = createRig([{ defaultModel: DEAR.model }, {}], [usd(10_000_000n)]);
    const { events, error } = await run();
    expect(error).toBeUndefined();
    expect(adapters.map(({ inputs }) => inputs.length)).toEqual([0, 1]);
    expect(kindsOf(events).slice(0, 2)).toEqual(["started", "attemptStarted"]);
    expect(events.at(-1)?.event.value).toMatchObject({ attempts: [{ attempt: 0 }] });
    expect(rows).toHaveLength(1);
  });

  test("at a provider whose own limit is used up goes to the next one", async () => {
    const atNear = usd(1n, { scope: "provider", value: "near-0", window: "minute", unit: "requests" });
    const { run, adapters } = createRig([{}, {}], [atNear]);
    for (const _ of [1, 2, 3]) expect((await run()).error).toBeUndefined();
    expect(adapters.map(({ inputs }) => inputs.length)).toEqual([1, 2]);
  });

  // Mutant seen red: an unpriced model under a budget let through.
  test("on a model without a price is refused under a hard budget in money, and let through under a soft one", async () => {
    const unpriced = { defaultModel: "new-model", support: METERED };
    const hard = createRig([unpriced], [usd(1_000_000_000n)]);
    expect((await hard.run()).error).toMatchObject({ reason: "MODEL_UNPRICED", code: Code.FAILED_PRECONDITION });
    expect(hard.adapters[0]?.inputs).toEqual([]);
    const soft = createRig([unpriced], [usd(1_000_000_000n, { mode: "soft" })]);
    expect((await soft.run()).error).toBeUndefined();
  });

  test("that costs nothing is not held to budgets in money", async () => {
    const { run } = createRig([{ spends: false }], [usd(0n)]);
    expect((await run()).error).toBeUndefined();
  });
});

describe("a refusal", () => {
  test("is an error alone, that names scope and window and says when the window ends", async () => {
    const limit = usd(0n, { window: "day" });
    const { run } = createRig([{}], [{ ...limit, amount: 2_000_000n }]);
    let refused = await run();
    while (refused.error === undefined) refused = await run({ sampling: { maxOutputTokens: 4000 } });
    expect(refused.events).toEqual([]);
    expect(refused.error).toMatchObject({
      reason: "BUDGET_EXCEEDED",
      retryable: true,
      extras: { retryAfterMs: 86_400_000, partial: false, quotas: [{ subject: "key:k/day" }] },
    });
  });

  test("that no new window mends says so", async () => {
    const { error } = await createRig([{}], [usd(1n, { window: "day" })]).run();
    expect(error).toMatchObject({ reason: "BUDGET_EXCEEDED", retryable: false });
  });
});

describe("what is told of a budget", () => {
  test("is that 80 % are used, by the call that crosses it and by each that begins after it", async () => {
    const { run } = createRig([{ play: words(300, noBill()) }], [usd(3_000_000n)]);
    const told = [];
    for (const _ of [1, 2, 3, 4, 5]) {
      const { events, error } = await run({ sampling: { maxOutputTokens: 300 } });
      if (error === undefined) told.push(budgetsTold(events).map(({ percentUsed, cut }) => [percentUsed, cut]));
    }
    expect(told.slice(0, 3)).toEqual([[], [], []]);
    expect(told[3]).toEqual([[80, false]]);
  });

  test("has amounts only of scopes that the key may see", async () => {
    const limits = (["key", "tenant", "persona"] as const).map((scope) =>
      usd(10n, { scope, value: { key: "k", tenant: "t", persona: "default" }[scope], mode: "soft" }),
    );
    const { run } = createRig([{}], limits);
    await run();
    const { events } = await run();
    expect(budgetsTold(events).map(({ scope, limitNanoUsd }) => [scope, limitNanoUsd])).toEqual([
      ["key:k/total", 10n],
      ["tenant:t/total", undefined],
      ["persona:default/total", undefined],
    ]);
  });

  // Mutant seen red: a percentage of 2^32 or more, which no message can hold.
  test("has a percentage that a message can hold, however small the budget", async () => {
    const costly = createRig([{ play: answer("hello", 100_000_000) }], [usd(1n, { mode: "soft" })]);
    await costly.run();
    const { events, error } = await costly.run();
    expect(error).toBeUndefined();
    expect(budgetsTold(events).map(({ percentUsed }) => percentUsed)).toEqual([2 ** 32 - 1]);
  });

  test("of a soft one is an event and a warning, and of a shadow nothing", async () => {
    const { run } = createRig([{}], [usd(10n, { mode: "soft" }), usd(10n, { mode: "shadow" })]);
    await run();
    const { events, error } = await run();
    expect(error).toBeUndefined();
    expect(budgetsTold(events)).toHaveLength(1);
    expect(events.flatMap(({ event }) => (event.case === "warning" ? [event.value.code] : []))).toEqual([
      "SOFT_LIMIT_EXCEEDED",
    ]);
  });

  // Mutants seen red: an end user in the log; no id; the id of any budget.
  test("of a shadow is logged once, with the budget's id, and by name unless that is an end user's", async () => {
    const user = { scope: "end_user", unit: "usd", amount: 10n, mode: "shadow" } as const;
    const key = usd(10n, { mode: "shadow" });
    const named: Limit = { ...user, value: "ada@example.com", window: "total" };
    const each: Limit = { ...user, window: "day", tenant: "t" };
    const limits = [key, named, each];
    const budgets = createBudgetBook({
      records: createMemoryRecords(),
      kept: [],
      registry: createLimitRegistry(),
      limits,
    });
    const idOf = (limit: Limit) => budgets.all().find((entry) => entry.limit === limit)?.id;
    const logged: unknown[] = [];
    const keep = (message: string, fields?: LogFields): void => {
      logged.push([message, fields]);
    };
    const log = { ...createLog("silent"), info: keep };
    const { run } = createRig([{}], limits, { budgets: { ...testBudgets(limits), log } });
    for (const _ of [1, 2]) await run({ endUserId: "ada@example.com" });
    const exceeded = (limit: Limit, scope: string) => [
      "a shadow limit is exceeded",
      { budgetId: idOf(limit), scope, unit: "usd" },
    ];
    expect(logged).toEqual([
      exceeded(key, "key:k/total"),
      exceeded(named, "end_user/total"),
      exceeded(each, "end_user/day"),
    ]);
    expect(new Set(limits.map(idOf)).size).toBe(3);
  });
});

describe("a plan", () => {
  // Mutants seen red: no limit asked; the limits on calls left out; what is planned reserved.
  test("rules out whom the call would not be let to, and holds nothing for those it would", async () => {
    const two = [{ name: "one" }, { name: "two" }];
    const ofOne = usd(0n, { scope: "provider", value: "one", window: "day" });
    const day = await createRig(two, [ofOne]).plan();
    expect(day).toEqual(["(one/model-1) BUDGET_EXCEEDED", "two/model-1"]);
    const calls = createRig(two, [usd(1n, { unit: "requests", window: "minute" })]);
    for (const _ of [1, 2, 3]) expect(await calls.plan()).toEqual(["one/model-1", "two/model-1"]);
    await calls.run();
    expect(await calls.plan()).toEqual(["(one/model-1) RATE_LIMITED", "(two/model-1) RATE_LIMITED"]);
    expect((await calls.run()).error?.reason).toBe("RATE_LIMITED");
    const unpriced = createRig([{ seller: "nobody" }], [usd(1_000_000_000n)]);
    expect(await unpriced.plan()).toEqual(["(near-0/model-1) MODEL_UNPRICED"]);
    expect(await createRig(two, [usd(0n, { mode: "soft" })]).plan()).toEqual(["one/model-1", "two/model-1"]);
  });
});

describe("counters that cannot be reached", () => {
  const down = () => Promise.reject(new ExecutionError("LEDGER_UNAVAILABLE", "planted", { retryAfterMs: 1000 }));

  // Mutant seen red: the error swallowed whatever the limit.
  test("let no call through under a hard limit, and every call under others", async () => {
    for (const [mode, reason] of [
      ["hard", "LEDGER_UNAVAILABLE"],
      ["soft", undefined],
    ] as const) {
      const { run, budgets } = createRig([{}], [usd(1_000_000_000n, { mode })]);
      Object.assign(budgets.counters, { reserve: down });
      expect((await run()).error?.reason).toBe(reason);
    }
  });
});

test("a call without limits asks no counter", async () => {
  const { run, budgets } = createRig([{}], []);
  const asked = () => Promise.reject(new Error("asked"));
  Object.assign(budgets.counters, { reserve: asked, settle: asked, extend: asked });
  expect((await run({}, testContext())).error).toBeUndefined();
});
