import { randomUUID } from "node:crypto";
import type { Adapter, AdapterKind } from "./adapters/adapter.ts";
import type { Config } from "./config/config.ts";
import type { RoutingState } from "./router/resolve.ts";
import { createRouter } from "./router/router.ts";
import { createKeyAuthentication } from "./server/auth.ts";
import { createDispatcher, type Dispatcher } from "./server/dispatcher.ts";
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

/** Wires adapters, router and dispatcher. The composition of the process is this function and `main.ts`; nothing else makes parts. */
export function createGateway({ config, kinds, log, platformVersion }: GatewayOptions): Gateway {
  const newId = (): string => randomUUID().replaceAll("-", "");
  const adapters: Record<string, Adapter> = {};
  for (const settings of Object.values(config.providers)) {
    const kind = kinds.find((candidate) => candidate.kind === settings.kind);
    if (kind === undefined) throw new Error(`provider instance ${settings.name} has the unknown kind ${settings.kind}`);
    adapters[settings.name] = kind.create(settings, { now: Date.now, newId });
  }
  const state: RoutingState = Object.freeze({ config, adapters });
  const router = createRouter({
    state: () => state,
    newId,
    monotonicMs: () => performance.now(),
    platformVersion,
  });
  const guard = createGuard(config);
  const authenticate = createKeyAuthentication(config.keys);
  const dispatcher = createDispatcher({ router, authenticate, guard, limits: config.limits, log, newId });
  return {
    dispatcher,
    guard,
    state: () => state,
    close: async () => {
      await Promise.all(Object.values(adapters).map((adapter) => adapter.close()));
    },
  };
}
