import { randomFillSync } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { Adapter, AdapterKind } from "./adapters/adapter.ts";
import type { AlertSettings } from "./alert.ts";
import type { Config, ListenerSettings } from "./config/config.ts";
import { createState, type GatewayState, replaceState, unusedVendors } from "./gateway-state.ts";
import { openStores, type Stores } from "./gateway-stores.ts";
import { ChatRequestSchema } from "./gen/execution/v1/chat_pb.js";
import { MessageRole } from "./gen/execution/v1/content_pb.js";
import { alertingCounters } from "./ledger/alerts/alerts.ts";
import { createOutbox } from "./ledger/alerts/outbox.ts";
import { createAlertSender } from "./ledger/alerts/send-alert.ts";
import { createBudgetBook } from "./ledger/budgets/book.ts";
import type { CounterStore } from "./ledger/budgets/counter-store.ts";
import { createLimitRegistry } from "./ledger/budgets/registry.ts";
import { priceBookInForce } from "./ledger/prices/price-book.ts";
import { limitId } from "./limit.ts";
import { createHealth } from "./router/health/health.ts";
import { createPulse } from "./router/pulse.ts";
import type { RoutingState } from "./router/resolve.ts";
import { createRouter } from "./router/router.ts";
import { createAdmission, MEMORY_MARKS } from "./server/admission/admission.ts";
import { watchLoad } from "./server/admission/load.ts";
import { createDispatcher, type Dispatcher } from "./server/dispatcher.ts";
import { createGrpcListener } from "./server/grpc/listener.ts";
import type { Guard } from "./server/guard.ts";
import type { Surface } from "./server/http/surface.ts";
import type { Log } from "./telemetry/log.ts";

/** The parts of a gateway that every listener stands on. */
export interface Gateway {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  /** The configuration and adapters in force. */
  readonly state: () => RoutingState;
  /**
   * Puts another configuration in force for calls that begin from now on; running ones end as they began. Adapters of instances that have not
   * changed are used on, the others are closed once no call can need them. What only a new start can change stays as it is and is named. Throws,
   * with nothing changed, a ReloadError if the configuration is not safe with what stays.
   */
  reload(config: Config): Reloaded;
  /** Closes the adapters. Call it after the listeners are closed. */
  close(): Promise<void>;
}

/** What a reload left to be done. */
export interface Reloaded {
  /** Paths of settings that were changed and are not in force until the next start, such as `grpc.port`. */
  readonly needsRestart: readonly string[];
}

/** What a gateway is made of. */
export interface GatewayOptions {
  readonly config: Config;
  /** The kinds of provider that can be configured. */
  readonly kinds: readonly AdapterKind[];
  readonly log: Log;
  readonly platformVersion: string;
  /** Laid around the counters of limits that are kept in memory, such as to look at each of their steps. */
  readonly watchCounters?: (counters: CounterStore) => CounterStore;
}

/** A gateway with its listeners open. */
export interface RunningGateway extends Omit<Gateway, "close"> {
  /** Where it can be reached from this machine, such as `http://127.0.0.1:50051`. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** Absent: there is no admin listener. */
  readonly adminUrl?: string;
  /**
   * Refuses new calls, waits for running ones as long as the configuration allows, ends the rest, and closes listeners and adapters. A second
   * call ends what still runs at once.
   */
  stop(): Promise<void>;
  /** Ends what runs with INTERRUPTED now, so that a stop that waits for it goes on. */
  interrupt(): void;
}

/** A listener could not bind its address. The message says which, why, and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

type ListenerName = "gRPC" | "HTTP" | "admin";

/** What all listeners have in common. */
interface Listener {
  listen(): Promise<{ readonly port: number }>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Wires a gateway and opens its listeners: gRPC first, since it answers soonest, then HTTP, whose modules load meanwhile, then that of the admins. Throws a ListenError,
 * with everything closed again, if an address cannot be bound, a LedgerOpenError if the ledger cannot be opened, and a StateError if there is a shared
 * store and it cannot be reached.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, log } = options;
  const { grpc: grpcSettings, http: httpSettings, limits } = config;
  const { close: closeAdapters, ...gateway } = createGateway(options, await openStores(options));
  const { dispatcher, guard } = gateway;
  const open: Listener[] = [];
  const listen = async (name: ListenerName, settings: ListenerSettings, listener: Listener): Promise<string> => {
    try {
      const { port } = await listener.listen();
      open.push(listener);
      return urlOf(settings, port);
    } catch (thrown) {
      await Promise.all([...open, listener].map((each) => each.close()));
      await closeAdapters();
      throw listenError(name, settings, thrown);
    }
  };
  const grpc = createGrpcListener({ dispatcher, guard, settings: grpcSettings, limits, log });
  const grpcUrl = await listen("gRPC", grpcSettings, grpc);
  const [{ createHttpListener }, { ADMIN_SURFACE, PUBLIC_SURFACE }] = await Promise.all([
    import("./server/http/listener.ts"),
    import("./server/http/surface.ts"),
  ]);
  const serveHttp = (name: ListenerName, surface: Surface, settings: ListenerSettings): Promise<string> =>
    listen(name, settings, createHttpListener({ dispatcher, guard, surface, settings, limits, log }));
  const httpUrl = await serveHttp("HTTP", PUBLIC_SURFACE, httpSettings);
  const adminUrl = config.admin && (await serveHttp("admin", ADMIN_SURFACE, config.admin));
  const stopping = new AbortController();
  const warmedUp = warmUp(log, stopping.signal);
  return {
    ...gateway,
    grpcUrl,
    httpUrl,
    interrupt: dispatcher.interrupt,
    ...(adminUrl !== undefined && { adminUrl }),
    stop: async () => {
      stopping.abort();
      await Promise.all([warmedUp, ...open.map((listener) => listener.drain())]);
      await closeAdapters();
    },
  };
}

/** How long the warm-up leaves the processor to calls that already wait, in milliseconds. */
const WARM_UP_DELAY_MS = 250;

/** Compiles the contract's validation rules, which takes longer than all else that the first call would wait for. */
async function warmUp(log: Log, signal: AbortSignal): Promise<void> {
  try {
    await sleep(WARM_UP_DELAY_MS, undefined, { ref: false, signal });
    const { validateMessage } = await import("./server/validate.ts");
    const parts = [{ kind: { case: "text" as const, value: { text: "warm up" } } }];
    validateMessage(ChatRequestSchema, create(ChatRequestSchema, { messages: [{ role: MessageRole.USER, parts }] }));
  } catch (thrown) {
    if (!signal.aborted) log.error("the validation rules did not load", thrown);
  }
}

function urlOf({ host, tls }: ListenerSettings, port: number): string {
  const anyAddress: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  const name = anyAddress[host] ?? host;
  return `${tls === undefined ? "http" : "https"}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function listenError(name: ListenerName, { host, port }: ListenerSettings, cause: unknown): ListenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const reason = /EADDRINUSE/.test(why)
    ? `something else listens there; stop it, or set ${name === "admin" ? "EP_ADMIN_ADDR" : `EP_${name.toUpperCase()}_PORT`}`
    : why;
  return new ListenError(`cannot listen on ${host}:${port} for ${name}: ${reason}`, { cause });
}

/** Milliseconds after which what a running attempt has used is noted, at the latest. */
const CHECKPOINT_MS = 1_000;

/** How many random texts are cut from one fetch of bytes, since each fetch costs more than the bytes. */
const TEXTS_AT_ONCE = 128;

/** Makes texts of so many random bytes each. */
function createRandomText(bytes: number, encoding: "hex" | "base64url"): () => string {
  const pool = Buffer.alloc(bytes * TEXTS_AT_ONCE);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    at += bytes;
    const text = pool.toString(encoding, at - bytes, at);
    pool.fill(0, at - bytes, at);
    return text;
  };
}

/** Wires adapters, router and dispatcher. The composition of the process is this function and `main.ts`; nothing else makes parts. */
function createGateway(
  { config, kinds, log, platformVersion }: GatewayOptions,
  {
    ledger,
    streamStore,
    counters,
    fillCounters,
    keptBudgets,
    keptAlerts,
    budgetRecords,
    followBudgets,
    closeBudgets,
  }: Stores,
): Gateway {
  const newId = createRandomText(16, "hex");
  const monotonicMs = (): number => performance.now();
  let state = createState(config, { kinds, newId });
  warnOfPrices(state, log);
  const { records } = ledger;
  const receivers = (): readonly AlertSettings[] => state.config.alerts;
  const outbox = createOutbox({
    records,
    kept: keptAlerts,
    sender: createAlertSender(Date.now),
    receivers,
    nowMs: Date.now,
    random: Math.random,
    wait,
    onFailure: (what, alertId, why) => log.warn(`an alert: ${what}`, { alertId, why }),
  });
  const budgets = {
    limits: createLimitRegistry(),
    counters: alertingCounters(counters, { receivers, outbox, nowMs: Date.now }),
    log,
  };
  const book = createBudgetBook({
    records: budgetRecords,
    kept: keptBudgets,
    registry: budgets.limits,
    limits: config.budgets,
  });
  followBudgets(async () => {
    await book.renew();
    await fillCounters(budgets.limits.all());
  });
  const router = createRouter({
    state: () => state,
    newId,
    monotonicMs,
    nowMs: Date.now,
    prices: priceBookInForce(() => state.prices),
    ledger,
    budgets,
    pulse: createPulse(CHECKPOINT_MS),
    book,
    health: createHealth(monotonicMs),
    random: Math.random,
    wait,
    streamStore,
    unattended: config.streams,
    handOverMs: config.streams.handOverMs,
    newSecret: createRandomText(24, "base64url"),
    platformVersion,
  });
  const guard: Guard = {
    check: (host, origin) => state.guard.check(host, origin),
    allowsOrigin: (origin, host) => state.guard.allowsOrigin(origin, host),
  };
  const limits = (): Config["limits"] => state.config.limits;
  const admission = createAdmission({ limits, log, random: Math.random });
  const watch = watchLoad({ limits, highMemoryShare: MEMORY_MARKS.high, onSample: admission.sample, monotonicMs });
  const dispatcher = createDispatcher({
    router,
    authenticate: (header) => state.authenticate(header),
    guard,
    admission,
    limits,
    log,
    newId,
  });
  const working = new Set<Promise<void>>();
  const inBackground = (work: Promise<void>, what: string): void => {
    const done = work
      .catch((thrown: unknown) => log.error(`a reload of the configuration has not done all: ${what}`, thrown))
      .finally(() => working.delete(done));
    working.add(done);
  };
  const retire = async (adapters: readonly Adapter[]): Promise<void> => {
    // A call that runs now may have been resolved with the old state, and come to its provider only later.
    await Promise.all([dispatcher.settled(), router.streams.settled()]);
    await closeAll(adapters);
  };
  return {
    dispatcher,
    guard,
    state: () => state,
    reload: (wanted) => {
      const { state: next, retired, needsRestart } = replaceState(state, wanted, { kinds, newId });
      state = next;
      warnOfPrices(state, log);
      const known = new Set(budgets.limits.all().map(limitId));
      book.configure(next.config.budgets);
      inBackground(fillCounters(next.config.budgets.filter((limit) => !known.has(limitId(limit)))), "new budgets");
      inBackground(retire(retired), "providers that are not used any more");
      return { needsRestart };
    },
    close: async () => {
      watch.close();
      await router.streams.close();
      await outbox.close();
      await Promise.all([closeAll(Object.values(state.adapters)), ...working]);
      await closeBudgets();
      // Counters are filled from the ledger until they are closed.
      await counters.close().finally(() => ledger.close());
    },
  };
}

function warnOfPrices(state: GatewayState, log: Log): void {
  for (const vendor of unusedVendors(state)) {
    log.warn(`the prices of ${vendor} have no effect: no provider instance is billed by it`, { vendor });
  }
}

/** Waits, and rejects with the signal's reason when it fires. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  }
}

async function closeAll(adapters: readonly Adapter[]): Promise<void> {
  await Promise.all(adapters.map((adapter) => adapter.close()));
}
