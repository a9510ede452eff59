import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { Capability, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { type BudgetEvent, ChatRequestSchema, type ChatResponse } from "../../../src/gen/execution/v1/chat_pb.js";
import { PlanRequestSchema } from "../../../src/gen/execution/v1/plan_pb.js";
import type { Standing } from "../../../src/ledger/budgets/counter-store.ts";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import type { AttemptRow } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import type { Limit } from "../../../src/limit.ts";
import type { BudgetDeps } from "../../../src/router/budgets/deps.ts";
import type { CallContext } from "../../../src/router/call.ts";
import { acmeTable } from "../../ledger/prices/rig.ts";
import { asking, lines } from "../../support/planning.ts";
import {
  type Drained,
  drainStream,
  type TestRouterOptions,
  testBudgets,
  testContext,
  testRouter,
  testState,
} from "../../support/routing.ts";
import {
  createScriptedAdapter,
  finishedEvent,
  type Play,
  type ScriptedAdapterOptions,
} from "../../support/scripted-adapter.ts";

/** Nano-USD of a token, in and out: a dollar is a million tokens of input, or half of it of output. */
export const INPUT_NANO_USD = 1000n;
export const OUTPUT_NANO_USD = 2000n;

/** A model that costs so many times as much. */
export const DEAR = { model: "dear", factor: 100n };

const prices = createPriceBook([
  acmeTable([
    { models: ["model-1"], rates: { input: "1", output: "2" } },
    { models: [DEAR.model], rates: { input: "100", output: "200" } },
  ]),
]);

/** A model that shows all it is billed for, and one that may think in secret. */
export const METERED = new Map([
  [Capability.STREAMING, Support.NATIVE],
  [Capability.REASONING, Support.NONE],
]);
export const OPAQUE = new Map([
  [Capability.STREAMING, Support.NATIVE],
  [Capability.REASONING, Support.NATIVE],
]);

/** A budget in nano-USD of the tests' own key, in all. */
export function usd(amount: bigint, overrides: Partial<Limit> = {}): Limit {
  return { scope: "key", value: "k", window: "total", unit: "usd", amount, mode: "hard", ...overrides };
}

/** What a provider billed, beside what we think it did. */
export interface Bill {
  inputTokens: number;
  outputTokens: number;
}

/** What a word is: 5 bytes, which may be two tokens and a half. */
const WORD = "word ";
/** One that is a token at least and at most. */
export const SHORT_WORD = "a ";

/** Plays words, a token each, and bills what it has played when it ends, however that is. */
export function words(count: number, bill: Bill, { word = WORD, inputTokens = 2 } = {}): Play {
  return async function* ({ step, attempt }) {
    let said = 0;
    try {
      while (said < count) {
        said += 1;
        yield [textDelta({ step, part: 0 }, word)];
      }
    } finally {
      bill.inputTokens += inputTokens;
      bill.outputTokens += said;
    }
    const usage = { ...unknownUsage(), inputTotal: inputTokens, outputTotal: said };
    yield [usageEvent(step, attempt, usage, true), finishedEvent()];
  };
}

/** What was billed costs so much, in nano-USD. */
export function costOfBill({ inputTokens, outputTokens }: Bill): bigint {
  return BigInt(inputTokens) * INPUT_NANO_USD + BigInt(outputTokens) * OUTPUT_NANO_USD;
}

/** A router with priced providers and limits. Every stream it runs is held to the invariants. */
export function createRig(
  adapters: readonly Partial<ScriptedAdapterOptions>[],
  limits: readonly Limit[],
  options: TestRouterOptions & { readonly budgets?: BudgetDeps } = {},
) {
  const budgets = options.budgets ?? testBudgets(limits);
  const rows: AttemptRow[] = [];
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 10_000 });
  const made = adapters.map((each, index) =>
    createScriptedAdapter({ name: `near-${index}`, spends: true, seller: "acme", support: METERED, ...each }),
  );
  const router = testRouter(testState(made), {
    prices,
    ledger: {
      ...store,
      settle: async (row) => {
        rows.push(row);
        await store.settle(row);
      },
    },
    ...options,
    budgets,
  });
  const chat = (init: MessageInitShape<typeof ChatRequestSchema> = {}, context: Partial<CallContext> = {}) =>
    router.chat(create(ChatRequestSchema, { messages: asking().messages, ...init }), testContext(context));
  return {
    plan: async () => lines(await router.plan(create(PlanRequestSchema, { request: asking() }), testContext())),
    adapters: made,
    budgets,
    rows,
    chat,
    run: async (...args: Parameters<typeof chat>): Promise<Drained> => {
      const drained = await drainStream(() => chat(...args));
      const checker = createInvariantChecker();
      const problems = drained.events.map((event) => checker.next(event)).filter((problem) => problem !== undefined);
      const end = checker.end(drained.error === undefined ? "success" : "error");
      if (problems.length > 0 || (end !== undefined && drained.events.length > 0)) throw new Error(problems[0] ?? end);
      return drained;
    },
    standing: async (limit = limits[0]): Promise<Standing> => {
      if (limit === undefined) throw new Error("no limit");
      return budgets.counters.peek({ limit, subject: limit.value ?? "k" });
    },
  };
}

/** The budget events of a stream. */
export function budgetsTold(events: readonly ChatResponse[]): readonly BudgetEvent[] {
  return events.flatMap(({ event }) => (event.case === "budget" ? [event.value] : []));
}

/** The names of a stream's events, one after the other. */
export function kindsOf(events: readonly ChatResponse[]): readonly string[] {
  return events.map(({ event }) => event.case ?? "none");
}
