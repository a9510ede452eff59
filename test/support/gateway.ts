import type { AdapterKind, ProviderSettings } from "../../src/adapters/adapter.ts";
import { adapterKinds } from "../../src/adapters/index.ts";
import type { Config } from "../../src/config/config.ts";
import { type GatewayOptions, type RunningGateway, startGateway } from "../../src/gateway.ts";
import { createLog, type Log } from "../../src/telemetry/log.ts";
import { testConfig } from "./routing.ts";

/** A provider instance of the mock, or with `overrides` of anything else. */
export function testProvider(overrides: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: "mock",
    kind: "mock",
    headers: {},
    transport: "native",
    timeouts: { connectMs: 5000, headersMs: 30_000, idleMs: 30_000 },
    models: {},
    quirks: {},
    ...overrides,
  };
}

/** What a test gateway is started with. */
export interface TestGatewayOptions {
  /** Laid over a small configuration: both listeners on free loopback ports, short drain, no log. */
  readonly config?: Partial<Config>;
  /** Provider instances. Default: one mock. */
  readonly providers?: readonly ProviderSettings[];
  /** Kinds beside the registered ones. */
  readonly kinds?: readonly AdapterKind[];
  readonly log?: Log;
  readonly watchCounters?: GatewayOptions["watchCounters"];
}

/**
 * Starts a gateway in this process with both listeners on free ports. Unless the configuration says otherwise, the persona `default` is served by
 * every provider instance in order. The caller stops it.
 */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<RunningGateway> {
  const providers = options.providers ?? [testProvider()];
  const candidates = providers.map(({ name }) => ({ provider: name }));
  const config = testConfig({
    providers: Object.fromEntries(providers.map((provider) => [provider.name, provider])),
    personas: { default: { name: "default", candidates } },
    ...options.config,
  });
  const log = options.log ?? createLog(config.logLevel);
  return startGateway({
    ...{ config, kinds: [...adapterKinds, ...(options.kinds ?? [])], log, platformVersion: "0.0.0" },
    ...(options.watchCounters !== undefined && { watchCounters: options.watchCounters }),
  });
}
