import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { ExportCostsRequestSchema, WatchCostsRequestSchema } from "../../src/gen/execution/v1/admin_pb.js";
import {
  BudgetScope,
  BudgetUnit,
  BudgetWindow,
  CreateBudgetRequestSchema,
} from "../../src/gen/execution/v1/budgets_pb.js";
import { CostDimension, CostsRequestSchema } from "../../src/gen/execution/v1/costs_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import type { CostQuery } from "../../src/ledger/store.ts";
import { createMemoryStore } from "../../src/ledger/stores/memory.ts";
import { type AskLedger, createLedgerTurns, type LedgerTurns } from "../../src/router/ledger-turns.ts";
import { anyone, testContext, testRouter, testState } from "../support/routing.ts";
import { within } from "../support/wait.ts";

const LEFT = new ExecutionError("CANCELLED", "the caller cancelled the call");

/** Somebody with a key, who can leave. */
function someone(key = "k", tenant = "t") {
  const leaving = new AbortController();
  return { principal: { ...anyone, key, tenant }, signal: leaving.signal, leave: () => leaving.abort(LEFT) };
}

/** Lets everything go on that waits for nothing. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let turns: LedgerTurns;
/** The questions that were asked, how each is answered, and what came of it. */
let asked: string[];
let answers: Map<string, PromiseWithResolvers<string>>;
let told: Map<string, Promise<string>>;
beforeEach(begin);

function begin(): void {
  turns = createLedgerTurns();
  asked = [];
  answers = new Map();
  told = new Map();
}

function ask(way: AskLedger, asker: ReturnType<typeof someone>, ...names: readonly string[]): void {
  for (const name of names) {
    const answer = Promise.withResolvers<string>();
    answers.set(name, answer);
    const outcome = way(asker, () => {
      asked.push(name);
      return answer.promise;
    });
    // Whoever is interested looks at it later.
    outcome.catch(() => undefined);
    told.set(name, outcome);
  }
}

async function answer(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    answers.get(name)?.resolve(name);
    await settled();
  }
}

async function expectRefused(name: string, what: string): Promise<void> {
  await expect(told.get(name)).rejects.toMatchObject({
    reason: "OVERLOADED",
    message: expect.stringContaining(what),
    extras: { retryAfterMs: 1000 },
  });
}

describe("questions at the ledger", () => {
  // Mutants seen red: no bound on those that are asked at once; one line for all keys; no turn passed on.
  test("are asked two at once, then key by key, however many one key has", async () => {
    ask(turns.askInStream, someone("a"), "a1", "a2", "a3", "a4", "a5");
    ask(turns.askInStream, someone("b"), "b1");
    ask(turns.askInStream, someone("c"), "c1");
    await settled();
    expect(asked).toEqual(["a1", "a2"]);
    await answer("a2");
    expect(asked).toEqual(["a1", "a2", "a3"]);
    await answer("a3", "b1", "c1", "a1", "a4", "a5");
    expect(asked).toEqual(["a1", "a2", "a3", "b1", "c1", "a4", "a5"]);
    expect(await Promise.all(told.values())).toEqual([...told.keys()]);
  });

  // Mutant seen red: a turn that is passed on after an answer only.
  test("that fail give their turn to the next", async () => {
    ask(turns.ask, someone(), "1", "2", "3");
    answers.get("1")?.reject(new Error("broken"));
    await expect(told.get("1")).rejects.toThrow("broken");
    await settled();
    expect(asked).toEqual(["1", "2", "3"]);
  });

  // Mutants seen red: who leaves stays in line; an empty line stays.
  test("are dropped when their askers leave before their turn, and make room", async () => {
    const [alone, leaver] = [someone("alone"), someone()];
    ask(turns.ask, someone(), "1", "2");
    ask(turns.ask, alone, "3");
    ask(turns.ask, leaver, "4");
    ask(turns.ask, someone(), "5", "6");
    await expectRefused("6", "4 questions of this key");
    for (const each of [alone, leaver]) each.leave();
    for (const name of ["3", "4"]) await expect(told.get(name)).rejects.toBe(LEFT);
    await settled();
    ask(turns.ask, someone(), "7");
    await answer("1");
    expect(asked).toEqual(["1", "2", "5"]);
    await answer("2");
    expect(asked).toEqual(["1", "2", "5", "7"]);
  });

  // Mutants seen red: no look at the signal when the turn has come; none before a place in line is taken.
  test("are never asked once their askers have left, not even at their turn", async () => {
    for (let ticks = 0; ticks < 16; ticks += 1) {
      begin();
      const [early, late] = [someone(), someone()];
      early.leave();
      ask(turns.ask, someone(), "1", "2");
      ask(turns.ask, early, "0");
      await settled();
      ask(turns.ask, late, "3");
      ask(turns.ask, someone(), "4");
      await settled();
      answers.get("1")?.resolve("1");
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      const before = asked.includes("3");
      late.leave();
      await answer("3");
      expect(asked).toEqual(["1", "2", ...(before ? ["3"] : []), "4"]);
    }
  });

  // Mutants seen red: who leaves waits for the answer; makes room before it; gives its turn away before it.
  test("of who leaves while they are answered hold their place and turn until then", async () => {
    const leaver = someone();
    ask(turns.ask, leaver, "1", "2");
    ask(turns.ask, someone(), "3", "4");
    await settled();
    leaver.leave();
    for (const name of ["1", "2"])
      await expect(within(told.get(name) ?? Promise.resolve(""), { what: "its end" })).rejects.toBe(LEFT);
    await settled();
    expect(asked).toEqual(["1", "2"]);
    ask(turns.ask, someone(), "5");
    await expectRefused("5", "4 questions of this key");
    await answer("1");
    expect(asked).toEqual(["1", "2", "3"]);
    ask(turns.ask, someone(), "6");
    await answer("2", "3", "4", "6");
    expect(asked).toEqual(["1", "2", "3", "4", "6"]);
  });

  // Mutants seen red: no bound for a key, for a tenant, in all; no time to come again; a bound on calls that stream.
  test("may be four of a key, half of all of a tenant; beyond that only calls that stream ask", async () => {
    const four = (key: string) => ["1", "2", "3", "4"].map((each) => `${key}-${each}`);
    const askFour = (key: string, tenant: string): void => ask(turns.ask, someone(key, tenant), ...four(key));
    askFour("t1", "t");
    ask(turns.ask, someone("t1", "t"), "of the key");
    await expectRefused("of the key", "4 questions of this key");
    for (const key of ["t2", "t3", "t4", "t5", "t6", "t7", "t8"]) askFour(key, "t");
    ask(turns.ask, someone("t9", "t"), "of the tenant");
    await expectRefused("of the tenant", "32 questions of this tenant");
    for (const key of ["u1", "u2", "u3", "u4", "v1", "v2", "v3", "v4"]) askFour(key, key.slice(0, 1));
    ask(turns.ask, someone("w1", "w"), "of all");
    await expectRefused("of all", "64 questions");
    ask(turns.askInStream, someone("t1", "t"), "streamed");
    for (const each of answers) each[1].resolve("");
    expect(await told.get("streamed")).toBe("");
    await settled();
    expect(asked).toHaveLength(65);
    // All of them have made room.
    askFour("t1", "t");
    await answer(...four("t1"));
    expect(asked).toHaveLength(69);
  });
});

describe("the router", () => {
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100, metadataKeys: [] });
  /** A router over a ledger that answers when it is told to, and keeps what it is asked. */
  function overSlowLedger() {
    const queries: CostQuery[] = [];
    const answering = Promise.withResolvers<void>();
    const router = testRouter(testState([]), {
      ledger: {
        ...ledger,
        costs: async (query) => {
          queries.push(query);
          await answering.promise;
          return ledger.costs(query);
        },
      },
    });
    return { router, queries, answer: answering.resolve };
  }
  const contextOf = (key: string) => {
    const controller = new AbortController();
    const principal = { ...anyone, key, roles: [Role.PLATFORM_ADMIN] };
    const context = testContext({ principal, signal: controller.signal });
    return { context, leave: () => controller.abort(LEFT) };
  };
  const askAsOften = async (router: ReturnType<typeof testRouter>, key: string): Promise<void> => {
    const { context } = contextOf(key);
    for (const _ of [1, 2, 3, 4]) router.costs(create(CostsRequestSchema), context).catch(() => undefined);
    await expect(router.costs(create(CostsRequestSchema), context)).rejects.toMatchObject({ reason: "OVERLOADED" });
  };

  // Mutant seen red: Costs ask the ledger themselves.
  test("reads what a new budget begins with before what callers wait for", async () => {
    const { router, queries, answer } = overSlowLedger();
    for (const key of ["a", "b"]) await askAsOften(router, key);
    await settled();
    expect(queries).toHaveLength(2);
    const terms = { scope: BudgetScope.MODEL, window: BudgetWindow.DAY, unit: BudgetUnit.USD, amount: 1n };
    const made = router.admin.createBudget(
      create(CreateBudgetRequestSchema, { budget: terms }),
      contextOf("c").context,
    );
    await settled();
    expect(queries.at(2)?.groupBy).toEqual([CostDimension.MODEL]);
    answer();
    expect((await made).budget?.version).toBe(1n);
  });

  // Mutants seen red: exports and watches that are refused as Costs are.
  test("refuses no export and no watch for what the same key asks otherwise", async () => {
    const { router, answer } = overSlowLedger();
    await askAsOften(router, "k");
    const { context, leave } = contextOf("k");
    const exported = router.admin.exportCosts(create(ExportCostsRequestSchema), context)[Symbol.asyncIterator]().next();
    const watch = router.admin.watchCosts(create(WatchCostsRequestSchema), context, new AbortController().signal);
    const watched = watch[Symbol.asyncIterator]().next();
    answer();
    expect(await Promise.all([exported, watched])).toMatchObject([{ done: false }, { value: [{ snapshot: true }] }]);
    leave();
  });

  // Mutants seen red: a watch, an export that waits for the ledger whatever its signal says; attempts that are asked for without a turn.
  test("ends exports and watches whose answer does not come with the call, and watches with a drain", async () => {
    const { router, queries, answer } = overSlowLedger();
    const draining = new AbortController();
    const { context, leave } = contextOf("k");
    const exporting = (attempts: boolean) => {
      const exported = router.admin.exportCosts(create(ExportCostsRequestSchema, { attempts }), context);
      return within(exported[Symbol.asyncIterator]().next(), { what: "the end of the export" });
    };
    const groups = exporting(false);
    const watch = router.admin.watchCosts(create(WatchCostsRequestSchema), contextOf("k").context, draining.signal);
    const watched = watch[Symbol.asyncIterator]().next();
    const attempts = exporting(true);
    await settled();
    expect(queries).toHaveLength(2);
    leave();
    for (const exported of await Promise.allSettled([groups, attempts]))
      expect(exported).toMatchObject({ reason: LEFT });
    draining.abort();
    await expect(within(watched, { what: "the end of the watch" })).rejects.toMatchObject({ reason: "DRAINING" });
    answer();
  });
});
