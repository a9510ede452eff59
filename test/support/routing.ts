import { randomBytes } from "node:crypto";
import type { Adapter } from "../../src/adapters/adapter.ts";
import type { Config, PersonaSettings } from "../../src/config/config.ts";
import { ExecutionError } from "../../src/errors.ts";
import type { ChatRequest, ChatResponse } from "../../src/gen/execution/v1/chat_pb.js";
import { FallbackPolicy } from "../../src/gen/execution/v1/chat_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { createBudgetBook } from "../../src/ledger/budgets/book.ts";
import { createMemoryCounters } from "../../src/ledger/budgets/memory-counters.ts";
import { createLimitRegistry } from "../../src/ledger/budgets/registry.ts";
import { createWindowClock } from "../../src/ledger/budgets/window-clock.ts";
import { createPriceBook, type PriceBook } from "../../src/ledger/prices/price-book.ts";
import type { LedgerStore } from "../../src/ledger/store.ts";
import { createMemoryStore } from "../../src/ledger/stores/memory.ts";
import type { Limit } from "../../src/limit.ts";
import type { BudgetDeps } from "../../src/router/budgets/deps.ts";
import type { CallContext, Principal, Resolved } from "../../src/router/call.ts";
import { createHealth, type Health } from "../../src/router/health/health.ts";
import type { Pulse } from "../../src/router/pulse.ts";
import { type RoutingState, resolve } from "../../src/router/resolve.ts";
import { createRouter, type Router } from "../../src/router/router.ts";
import {
  createMemoryStreamStore,
  MEMORY_STREAMS,
  type MemoryStreamLimits,
} from "../../src/router/streams/memory-store.ts";
import type { StreamStore } from "../../src/router/streams/store.ts";
import type { UnattendedLimits } from "../../src/router/streams/unattended.ts";
import { createLog } from "../../src/telemetry/log.ts";

/** A configuration for tests, with every default small and explicit. */
export function testConfig(overrides: Partial<Config> = {}): Config {
  return {
    providers: {},
    personas: {},
    tenants: {},
    defaults: { requires: [], maxToolTier: 3, fallbackPolicy: FallbackPolicy.ALLOW },
    keys: [],
    grpc: { host: "127.0.0.1", port: 0 },
    http: { host: "127.0.0.1", port: 0 },
    allowedHosts: [],
    allowedOrigins: [],
    limits: {
      maxChatBytes: 16 * 1024 * 1024,
      maxMessageBytes: 1024 * 1024,
      maxBytesInFlight: 256 * 1024 * 1024,
      maxCalls: 10_000,
      maxLagMs: 1000,
      maxStreamsPerConnection: 1000,
      maxConnections: 4096,
      maxConnectionsPerPeer: 1024,
      trustedPeers: [],
      lockOutMs: 10_000,
      headerTimeoutMs: 10_000,
      bodyTimeoutMs: 60_000,
      stallTimeoutMs: 60_000,
      defaultDeadlineMs: 60_000,
      maxDeadlineMs: 3_600_000,
      drainMs: 5000,
    },
    budgets: [],
    alerts: [],
    streams: {
      keepLogMs: 300_000,
      maxLogBytes: 4 * 1024 * 1024,
      maxLogMemoryBytes: 64 * 1024 * 1024,
      continueMs: 30_000,
      maxContinued: 64,
      handOverMs: 120_000,
    },
    ledger: {
      store: "memory",
      directory: "/nowhere",
      keepRowsMs: 30 * 86_400_000,
      keepMinutesMs: 7 * 86_400_000,
      keepHoursMs: 90 * 86_400_000,
      metadataKeys: ["team"],
      maxSpoolRows: 1_000_000,
    },
    logLevel: "silent",
    origins: new Map(),
    ...overrides,
  };
}

/** A persona with one candidate an adapter, in their order. */
export function testPersona(
  name: string,
  adapters: readonly Adapter[],
  extra: Partial<PersonaSettings> = {},
): PersonaSettings {
  return {
    name,
    candidates: adapters.map(({ settings }) => ({ provider: settings.name })),
    ...extra,
  };
}

/** The routing state of some adapters, with a `default` persona over all of them unless others are given. */
export function testState(adapters: readonly Adapter[], personas?: readonly PersonaSettings[]): RoutingState {
  const named = personas ?? [testPersona("default", adapters)];
  return {
    adapters: Object.fromEntries(adapters.map((adapter) => [adapter.settings.name, adapter])),
    config: testConfig({
      providers: Object.fromEntries(adapters.map(({ settings }) => [settings.name, settings])),
      personas: Object.fromEntries(named.map((persona) => [persona.name, persona])),
    }),
  };
}

/** A principal that may do everything a caller may. */
export const anyone: Principal = { tenant: "t", key: "k", roles: [Role.CALLER], providerOptions: true };

/** The context of a call that nobody cancels, unless a signal is given. */
export function testContext(overrides: Partial<CallContext> = {}): CallContext {
  const controller = new AbortController();
  return {
    requestId: "req_test",
    principal: anyone,
    signal: controller.signal,
    limitTotal: () => undefined,
    remainingMs: () => Number.POSITIVE_INFINITY,
    end: (error) => controller.abort(error),
    ...overrides,
  };
}

/** A pulse that does not beat. */
export const STILL: Pulse = { add: () => () => undefined };

/** What a test may give the router beside its state. */
export interface TestRouterOptions {
  /** Without it only what cannot spend has a price. */
  readonly prices?: PriceBook;
  readonly ledger?: LedgerStore;
  /** Without it no time passes for checkpoints. */
  readonly pulse?: Pulse;
  /** Without it nothing is known of any provider, and no time passes. */
  readonly health?: Health;
  /** Without it waits are over at once. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly streamStore?: StreamStore;
  /** Bounds of the store in memory that is taken otherwise. */
  readonly logs?: Partial<MemoryStreamLimits>;
  readonly unattended?: UnattendedLimits;
  /** Without any, nothing is limited. */
  readonly budgets?: BudgetDeps;
  /** Milliseconds since the epoch. Without it a time that stands still. */
  readonly nowMs?: () => number;
  /** Without it ids count. */
  readonly newId?: () => string;
}

/** Resolves a request while nothing is known of any provider, and nothing but what cannot spend has a price. */
export function testResolve(state: RoutingState, request: ChatRequest, principal: Principal): Resolved {
  const health = createHealth(() => 0);
  return resolve(state, request, principal, { health, prices: createPriceBook([]), nowMs: () => 0, random: () => 0.5 });
}

/** A router over a state, with ids that count and clocks that stand still. */
export function testRouter(state: RoutingState, options: TestRouterOptions = {}): Router {
  let id = 0;
  const nowMs = options.nowMs ?? (() => Date.UTC(2026, 10, 26, 12));
  const budgets = options.budgets ?? testBudgets();
  const ledger = options.ledger ?? createMemoryStore({ maxSums: 1000, maxAttemptIds: 1000, metadataKeys: ["team"] });
  return createRouter({
    prices: options.prices ?? createPriceBook([]),
    health: options.health ?? createHealth(() => 0),
    random: () => 0.5,
    wait: options.wait ?? (async () => undefined),
    budgets,
    book: createBudgetBook({
      records: ledger.records,
      kept: [],
      registry: budgets.limits,
      limits: budgets.limits.all(),
    }),
    ledger,
    pulse: options.pulse ?? STILL,
    nowMs,
    state: () => state,
    newId:
      options.newId ??
      (() => {
        id += 1;
        return `id${id}`;
      }),
    monotonicMs: () => 0,
    streamStore:
      options.streamStore ??
      createMemoryStreamStore({ ...MEMORY_STREAMS, ...state.config.streams, ...options.logs }, nowMs),
    unattended: options.unattended ?? state.config.streams,
    handOverMs: state.config.streams.handOverMs,
    newSecret: () => randomBytes(24).toString("base64url"),
    platformVersion: "0.0.0",
  });
}

/** Limits that are counted in memory. */
export function testBudgets(limits: readonly Limit[] = [], nowMs: () => number = () => 0): BudgetDeps {
  const clock = createWindowClock({ nowMs, monotonicMs: () => 0 });
  return {
    limits: createLimitRegistry(limits),
    counters: createMemoryCounters({ clock, maxCounters: 10_000 }),
    log: createLog("silent"),
  };
}

/** How a stream ended: its events, and the error if it failed. */
export interface Drained {
  readonly events: ChatResponse[];
  readonly error?: ExecutionError;
}

/** Reads a stream to its end. Anything that is thrown and is no ExecutionError is thrown on. */
export async function drainStream(open: () => AsyncIterable<readonly ChatResponse[]>): Promise<Drained> {
  const events: ChatResponse[] = [];
  try {
    for await (const batch of open()) events.push(...batch);
    return { events };
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return { events, error: thrown };
    throw thrown;
  }
}
