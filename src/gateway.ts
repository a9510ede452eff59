import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { Adapter, AdapterKind } from "./adapters/adapter.ts";
import type { Config, ListenerSettings } from "./config/config.ts";
import { ChatRequestSchema } from "./gen/execution/v1/chat_pb.js";
import { MessageRole } from "./gen/execution/v1/content_pb.js";
import { createPriceBook } from "./ledger/prices/price-book.ts";
import { priceTables } from "./ledger/prices/tables/index.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
import type { RoutingState } from "./router/resolve.ts";
import { createRouter } from "./router/router.ts";
import { createKeyAuthentication } from "./server/auth.ts";
import { createDispatcher, type Dispatcher } from "./server/dispatcher.ts";
import { createGrpcListener } from "./server/grpc/listener.ts";
import { createGuard, type Guard } from "./server/guard.ts";
import type { Log } from "./telemetry/log.ts";

/** The parts of a gateway that every listener stands on. */
export interface Gateway {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  /** The configuration and adapters in force. */
  readonly state: () => RoutingState;
  /** Closes the adapters. Call it after the listeners are closed. */
  close(): Promise<void>;
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

/** What both listeners have in common. */
interface Listener {
  listen(): Promise<{ readonly port: number }>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Wires a gateway and opens its listeners: gRPC first, since it answers soonest, then HTTP, whose modules load meanwhile. Throws a ListenError,
 * with everything closed again, if an address cannot be bound.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, log } = options;
  const { grpc: grpcSettings, http: httpSettings, limits } = config;
  const { close: closeAdapters, ...gateway } = createGateway(options);
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

/** Wires adapters, router and dispatcher. The composition of the process is this function and `main.ts`; nothing else makes parts. */
function createGateway({ config, kinds, log, platformVersion }: GatewayOptions): Gateway {
  const newId = (): string => randomUUID().replaceAll("-", "");
  const adapters: Record<string, Adapter> = {};
  for (const settings of Object.values(config.providers)) {
    const kind = kinds.find((candidate) => candidate.kind === settings.kind);
    if (kind === undefined) throw new Error(`provider instance ${settings.name} has the unknown kind ${settings.kind}`);
    adapters[settings.name] = kind.create(settings, { now: Date.now, newId });
  }
  const state: RoutingState = Object.freeze({ config, adapters });
  const ledger = createMemoryStore(MEMORY_LEDGER);
  const router = createRouter({
    state: () => state,
    newId,
    monotonicMs: () => performance.now(),
    nowMs: Date.now,
    prices: createPriceBook(priceTables),
    ledger,
    platformVersion,
  });
  const guard = createGuard(config);
  const authenticate = createKeyAuthentication(config);
  const dispatcher = createDispatcher({ router, authenticate, guard, limits: config.limits, log, newId });
  return {
    dispatcher,
    guard,
    state: () => state,
    close: async () => {
      await Promise.all(Object.values(adapters).map((adapter) => adapter.close()));
      await ledger.close();
    },
  };
}
