import { randomUUID } from "node:crypto";
import type { Adapter } from "../../src/adapters/adapter.ts";
import { mockKind } from "../../src/adapters/mock/index.ts";
import type { Config } from "../../src/config/config.ts";
import type { Router } from "../../src/router/router.ts";
import { type Admission, createAdmission } from "../../src/server/admission/admission.ts";
import { createKeyAuthentication } from "../../src/server/auth.ts";
import { createDispatcher, type Dispatcher } from "../../src/server/dispatcher.ts";
import { createGuard, type Guard } from "../../src/server/guard.ts";
import type { Log, LogFields } from "../../src/telemetry/log.ts";
import { type TestRouterOptions, testConfig, testRouter, testState } from "./routing.ts";
import { createScriptedAdapter, type Play } from "./scripted-adapter.ts";

/** How what stands behind a listener under test is set up. */
export interface BackendOptions {
  readonly adapters?: readonly Adapter[];
  /** Plays one adapter, where `adapters` is left out. Without either the mock provider serves. */
  readonly play?: Play;
  readonly config?: Partial<Config>;
  readonly limits?: Partial<Config["limits"]>;
  /** What the router is made of, where it is not what tests usually have. */
  readonly routing?: TestRouterOptions;
}

/** A line of the log. */
export interface LoggedLine {
  readonly message: string;
  readonly fields: LogFields;
}

/** What stands behind a listener under test: the real dispatcher and router. */
export interface Backend {
  readonly config: Config;
  readonly dispatcher: Dispatcher;
  readonly router: Router;
  readonly guard: Guard;
  /** Takes the samples of its load from tests. */
  readonly admission: Admission;
  readonly log: Log;
  /** The lines that were logged, errors excepted. */
  readonly lines: LoggedLine[];
  /** Causes of the errors that were logged. */
  readonly bugs: unknown[];
}

/** Makes the dispatcher and router that a listener under test serves. */
export function createBackend({ adapters, play, ...options }: BackendOptions): Backend {
  const served = adapters ?? [play === undefined ? createMock() : createScriptedAdapter({ name: "near", play })];
  const base = testState(served);
  const limits = { ...testConfig().limits, ...options.limits };
  const config: Config = { ...base.config, ...options.config, limits };
  const bugs: unknown[] = [];
  const lines: LoggedLine[] = [];
  const keep = (message: string, fields: LogFields = {}): void => {
    lines.push({ message, fields });
  };
  const log: Log = { debug: keep, info: keep, warn: keep, error: (_message, cause) => bugs.push(cause) };
  const guard = createGuard(config);
  const router = testRouter({ ...base, config }, options.routing);
  const admission = createAdmission({ limits: () => limits, log, random: Math.random });
  const dispatcher = createDispatcher({
    router,
    admission,
    authenticate: createKeyAuthentication(config),
    guard,
    limits: () => limits,
    log,
    newId: () => randomUUID(),
  });
  return { config, dispatcher, router, guard, admission, log, lines, bugs };
}

/** The mock provider, as an instance named `mock`. */
export function createMock(): Adapter {
  let id = 0;
  const settings = { name: "mock", kind: "mock", transport: "native", headers: {}, models: {}, quirks: {} } as const;
  const timeouts = { connectMs: 1000, headersMs: 30_000, idleMs: 30_000 };
  return mockKind.create({ ...settings, timeouts }, { now: Date.now, newId: () => `call_${id++}` });
}
