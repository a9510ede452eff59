import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Adapter } from "../../../src/adapters/adapter.ts";
import type { PersonaSettings, RoutingSettings } from "../../../src/config/config.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import { type ErrorExtras, ExecutionError, type Reason } from "../../../src/errors.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponse,
  NextStep,
} from "../../../src/gen/execution/v1/chat_pb.js";
import type { PriceBook } from "../../../src/ledger/prices/price-book.ts";
import type { AttemptRow } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import type { CallContext } from "../../../src/router/call.ts";
import { createHealth } from "../../../src/router/health/health.ts";
import { IN_ORDER } from "../../../src/router/routing.ts";
import { asking } from "../../support/planning.ts";
import { type Drained, drainStream, testContext, testPersona, testRouter, testState } from "../../support/routing.ts";

/** What stands around the attempts under test. */
export interface RigOptions {
  readonly routing?: Partial<RoutingSettings>;
  readonly persona?: Partial<PersonaSettings>;
  readonly prices?: PriceBook;
  /** Waits of retries and hedges. Default: over at once, and the clock moves on by them. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Resolves when a row is written. Default: at once. */
  readonly written?: (row: AttemptRow) => Promise<void>;
}

/** How a call went. */
export interface Ran extends Drained {
  /** What was told, one word an event: `started`, `attempt 0 near`, `failed 0 PROVIDER_INTERNAL RETRY`, `text hello` ... */
  readonly told: readonly string[];
}

/** A router over some adapters, with a clock of its own and rows that can be looked at. Every stream that it runs is held to the invariants. */
export function createRig(adapters: readonly Adapter[], options: RigOptions = {}) {
  let now = 0;
  const waits: number[] = [];
  const rows: AttemptRow[] = [];
  const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  const health = createHealth(() => now);
  const routing = { ...IN_ORDER, ...options.routing };
  const state = testState(adapters, [testPersona("default", adapters, { routing, ...options.persona })]);
  const router = testRouter(state, {
    ...(options.prices === undefined ? {} : { prices: options.prices }),
    health,
    ledger: {
      ...store,
      settle: async (row) => {
        await options.written?.(row);
        rows.push(row);
        await store.settle(row);
      },
    },
    wait:
      options.wait ??
      (async (ms) => {
        waits.push(ms);
        now += ms;
      }),
  });
  const chat = (init: MessageInitShape<typeof ChatRequestSchema> = {}, context: Partial<CallContext> = {}) =>
    router.chat(requestOf(init), testContext(context));
  return {
    router,
    health,
    waits,
    rows,
    pass: (ms: number) => {
      now += ms;
    },
    chat,
    run: async (...args: Parameters<typeof chat>): Promise<Ran> => {
      const drained = await drainStream(() => chat(...args));
      const problem = broken(drained);
      if (problem !== undefined) throw new Error(problem);
      return { ...drained, told: drained.events.map(wordOf) };
    },
  };
}

function requestOf(init: MessageInitShape<typeof ChatRequestSchema>): ChatRequest {
  return create(ChatRequestSchema, { messages: asking().messages, ...init });
}

/** What a stream breaks of the contract, or nothing. */
function broken({ events, error }: Drained): string | undefined {
  const checker = createInvariantChecker();
  const problem = events.map((event) => checker.next(event)).find((found) => found !== undefined);
  return problem ?? checker.end(error === undefined ? "success" : "error");
}

function wordOf({ event }: ChatResponse): string {
  switch (event.case) {
    case "attemptStarted":
      return `attempt ${event.value.attempt} ${event.value.candidate?.provider}`;
    case "attemptFailed":
      return `failed ${event.value.attempt} ${event.value.reason} ${NextStep[event.value.next]}`;
    case "textDelta":
      return `text ${event.value.part} ${event.value.text}`;
    case "reasoningDelta":
      return `reasoning ${event.value.part} ${event.value.text}`;
    case "warning":
      return `warning ${event.value.code}`;
    case "usage":
      return `usage ${event.value.attempt}`;
    case "finished":
      return `finished by ${event.value.attempt}`;
    default:
      return event.case ?? "nothing";
  }
}

/** An error as an adapter throws it. */
export function failure(reason: Reason, extras: ErrorExtras = {}): ExecutionError {
  return new ExecutionError(reason, "planted", extras);
}
