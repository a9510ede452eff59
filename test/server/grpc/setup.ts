import { randomUUID } from "node:crypto";
import type { Adapter } from "../../../src/adapters/adapter.ts";
import { mockKind } from "../../../src/adapters/mock/index.ts";
import type { Config } from "../../../src/config/config.ts";
import { createKeyAuthentication } from "../../../src/server/auth.ts";
import { createDispatcher, type Dispatcher } from "../../../src/server/dispatcher.ts";
import { createGrpcListener, type GrpcListener, type GrpcListenerDeps } from "../../../src/server/grpc/listener.ts";
import { TRANSPORT_LIMITS, type TransportLimits } from "../../../src/server/grpc/transport.ts";
import { createGuard } from "../../../src/server/guard.ts";
import type { Log } from "../../../src/telemetry/log.ts";
import { testConfig, testRouter, testState } from "../../support/routing.ts";
import { createScriptedAdapter, type Play } from "../../support/scripted-adapter.ts";

/** A gRPC listener on a free port, and what stands behind it. */
export interface Running {
  readonly port: number;
  readonly listener: GrpcListener;
  /** What the listener was made of, to make another. */
  readonly deps: GrpcListenerDeps;
  readonly dispatcher: Dispatcher;
  /** Causes of the errors that were logged. */
  readonly bugs: unknown[];
}

/** How the listener under test is set up. */
export interface RunOptions {
  readonly adapters?: readonly Adapter[];
  /** Plays one adapter, where `adapters` is left out. Without either the mock provider serves. */
  readonly play?: Play;
  readonly config?: Partial<Config>;
  readonly limits?: Partial<Config["limits"]>;
  readonly transport?: Partial<TransportLimits>;
}

/** Runs a test against a listener and closes it whatever happens. */
export async function withListener(options: RunOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const { play } = options;
  const adapters = options.adapters ?? [play === undefined ? mock() : createScriptedAdapter({ name: "near", play })];
  const base = testState(adapters);
  const limits = { ...testConfig().limits, ...options.limits };
  const config: Config = { ...base.config, ...options.config, limits };
  const bugs: unknown[] = [];
  const ignore = (): void => undefined;
  const log: Log = { debug: ignore, info: ignore, warn: ignore, error: (_message, cause) => bugs.push(cause) };
  const guard = createGuard(config);
  const dispatcher = createDispatcher({
    router: testRouter({ ...base, config }),
    authenticate: createKeyAuthentication(config.keys),
    guard,
    limits,
    log,
    newId: () => randomUUID(),
  });
  const transport = { ...TRANSPORT_LIMITS, ...options.transport };
  const deps = { dispatcher, guard, settings: config.grpc, limits, log, transport };
  const listener = createGrpcListener(deps);
  const { port } = await listener.listen();
  try {
    await run({ port, listener, deps, dispatcher, bugs });
  } finally {
    await listener.close();
  }
}

/** The mock provider, as an instance named `mock`. */
export function mock(): Adapter {
  let id = 0;
  const settings = { name: "mock", kind: "mock", transport: "native", headers: {}, models: {}, quirks: {} } as const;
  const timeouts = { connectMs: 1000, headersMs: 30_000, idleMs: 30_000 };
  return mockKind.create({ ...settings, timeouts }, { now: Date.now, newId: () => `call_${id++}` });
}
