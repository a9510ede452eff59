import { randomFillSync, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { Adapter, AdapterKind } from "./adapters/adapter.ts";
import type { Config, ListenerSettings } from "./config/config.ts";
import { createState, replaceState } from "./gateway-state.ts";
import { ChatRequestSchema } from "./gen/execution/v1/chat_pb.js";
import { MessageRole } from "./gen/execution/v1/content_pb.js";
import type { CounterStore } from "./ledger/budgets/counter-store.ts";
import { createMemoryCounters } from "./ledger/budgets/memory-counters.ts";
import { createLimitRegistry } from "./ledger/budgets/registry.ts";
import { seedCounters } from "./ledger/budgets/seed.ts";
import { createWindowClock } from "./ledger/budgets/window-clock.ts";
import { createPriceBook } from "./ledger/prices/price-book.ts";
import { priceTables } from "./ledger/prices/tables/index.ts";
import type { LedgerStore } from "./ledger/store.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
import { createHealth } from "./router/health/health.ts";
import type { RoutingState } from "./router/resolve.ts";
import { createRouter } from "./router/router.ts";
import { createMemoryStreamStore, MEMORY_STREAMS } from "./router/streams/memory-store.ts";
import type { StreamStore } from "./router/streams/store.ts";
import { createDispatcher, type Dispatcher } from "./server/dispatcher.ts";
import { createGrpcListener } from "./server/grpc/listener.ts";
import type { Guard } from "./server/guard.ts";
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
}

/** A gateway with both listeners open. */
export interface RunningGateway extends Omit<Gateway, "close"> {
  /** Where it can be reached from this machine, such as `http://127.0.0.1:50051`. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /**
   * Refuses new calls, waits for running ones as long as the configuration allows, ends the rest, and closes listeners and adapters. A second
   * call ends what still runs at once.
   */
  stop(): Promise<void>;
}

/** A listener could not bind its address. The message says which, why, and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** The store that processes share cannot be reached. The message says where it was looked for. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** What both listeners have in common. */
interface Listener {
  listen(): Promise<{ readonly port: number }>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Wires a gateway and opens its listeners: gRPC first, since it answers soonest, then HTTP, whose modules load meanwhile. Throws a ListenError,
 * with everything closed again, if an address cannot be bound, and a StateError if there is a shared store and it cannot be reached.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, log } = options;
  const { grpc: grpcSettings, http: httpSettings, limits } = config;
  const stores = await openStores(config, log);
  const { close: closeAdapters, ...gateway } = createGateway(options, stores);
  const { dispatcher, guard } = gateway;
  const open: Listener[] = [];
  const listen = async (name: "gRPC" | "HTTP", settings: ListenerSettings, listener: Listener): Promise<string> => {
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
  const { createHttpListener } = await import("./server/http/listener.ts");
  const http = createHttpListener({ dispatcher, guard, settings: httpSettings, limits, log });
  const httpUrl = await listen("HTTP", httpSettings, http);
  const stopping = new AbortController();
  const warmedUp = warmUp(log, stopping.signal);
  return {
    ...gateway,
    grpcUrl,
    httpUrl,
    stop: async () => {
      stopping.abort();
      await Promise.all([warmedUp, ...open.map((listener) => listener.drain())]);
      await closeAdapters();
    },
  };
}

/** What a gateway keeps its state in. */
interface Stores {
  readonly ledger: LedgerStore;
  readonly streamStore: StreamStore;
  readonly counters: CounterStore;
}

/**
 * Opens what the gateway keeps its state in. What only a shared store needs is loaded only for one. Counters that are the process's own begin with what the
 * ledger has.
 */
async function openStores({ state, streams, budgets }: Config, log: Log): Promise<Stores> {
  const limits = { ...MEMORY_STREAMS, ...streams };
  const ledger = createMemoryStore(MEMORY_LEDGER);
  if (state === undefined) {
    const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
    const counters = createMemoryCounters({ clock, maxCounters: MAX_COUNTERS });
    await seedCounters({ counters, ledger, nowMs: Date.now }, budgets);
    return { ledger, counters, streamStore: createMemoryStreamStore(limits, Date.now) };
  }
  const url = state.url.reveal();
  const owner = randomUUID();
  const [{ createValkeyStreamStore }, { createValkeyCounters }] = await Promise.all([
    import("./router/streams/valkey/valkey-store.ts"),
    import("./ledger/budgets/valkey/valkey-counters.ts"),
  ]);
  try {
    const counters = await createValkeyCounters({ url, owner, log, leaseMs: LEASE_MS });
    const streamStore = await createValkeyStreamStore({ url, limits, owner, nowMs: Date.now, log });
    return { ledger, counters, streamStore };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StateError(`cannot reach the shared state at ${new URL(url).host}: ${why}`, { cause });
  }
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

function listenError(name: "gRPC" | "HTTP", { host, port }: ListenerSettings, cause: unknown): ListenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const reason = /EADDRINUSE/.test(why)
    ? `something else listens there; stop it, or set EP_${name.toUpperCase()}_PORT`
    : why;
  return new ListenError(`cannot listen on ${host}:${port} for ${name}: ${reason}`, { cause });
}

/** What the ledger in memory keeps: some 50 MB at most. */
const MEMORY_LEDGER = { maxSums: 100_000, maxAttemptIds: 10_000 } as const;

/** Counters of budgets in memory: some 100 MB at most. */
const MAX_COUNTERS = 250_000;

/** How long what a process holds of shared budgets stays held when it is not heard of, in milliseconds. */
const LEASE_MS = 10_000;

/** Bytes of a secret, 192 bits, and of how many secrets the random bytes are fetched at once, since each fetch costs more than the bytes. */
const SECRET_BYTES = 24;
const SECRETS_AT_ONCE = 128;

function createSecrets(): () => string {
  const pool = Buffer.alloc(SECRET_BYTES * SECRETS_AT_ONCE);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    at += SECRET_BYTES;
    const secret = pool.toString("base64url", at - SECRET_BYTES, at);
    pool.fill(0, at - SECRET_BYTES, at);
    return secret;
  };
}

/** Wires adapters, router and dispatcher. The composition of the process is this function and `main.ts`; nothing else makes parts. */
function createGateway(
  { config, kinds, log, platformVersion }: GatewayOptions,
  { ledger, streamStore, counters }: Stores,
): Gateway {
  const newId = (): string => randomUUID().replaceAll("-", "");
  const monotonicMs = (): number => performance.now();
  const budgets = { limits: createLimitRegistry(config.budgets), counters, log };
  let state = createState(config, { kinds, newId });
  const router = createRouter({
    state: () => state,
    newId,
    monotonicMs,
    nowMs: Date.now,
    prices: createPriceBook(priceTables),
    ledger,
    budgets,
    health: createHealth(monotonicMs),
    random: Math.random,
    wait,
    streamStore,
    unattended: config.streams,
    handOverMs: config.streams.handOverMs,
    newSecret: createSecrets(),
    platformVersion,
  });
  const guard: Guard = {
    check: (host, origin) => state.guard.check(host, origin),
    allowsOrigin: (origin, host) => state.guard.allowsOrigin(origin, host),
  };
  const dispatcher = createDispatcher({
    router,
    authenticate: (header) => state.authenticate(header),
    guard,
    limits: () => state.config.limits,
    log,
    newId,
  });
  const retiring = new Set<Promise<void>>();
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
      budgets.limits.replace(next.config.budgets);
      const closing = retire(retired)
        .catch((thrown: unknown) => log.error("a provider that is not used any more did not close", thrown))
        .finally(() => retiring.delete(closing));
      retiring.add(closing);
      return { needsRestart };
    },
    close: async () => {
      await router.streams.close();
      await Promise.all([closeAll(Object.values(state.adapters)), ...retiring]);
      await Promise.all([ledger.close(), counters.close()]);
    },
  };
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
