import { describe, expect, test } from "@jest/globals";
import { FallbackPolicy } from "../../src/gen/execution/v1/chat_pb.js";
import { load } from "./load-from.ts";

describe("without any configuration", () => {
  test("the mock serves the persona default on loopback, and every value is a default", async () => {
    const { config, notices } = await load({});
    expect(config.providers).toEqual({
      mock: {
        name: "mock",
        kind: "mock",
        headers: {},
        transport: "native",
        timeouts: { connectMs: 5_000, headersMs: 300_000, idleMs: 120_000, firstTokenMs: 300_000 },
        retries: 2,
        breaker: { failures: 5, cooldownMs: 2_000 },
        models: {},
        quirks: {},
      },
    });
    expect(config.personas).toEqual({
      default: {
        name: "default",
        candidates: [{ provider: "mock" }],
        routing: { strategy: "ordered", continuation: false, fallBackOnBlock: false },
      },
    });
    expect(config.defaults).toEqual({ requires: [], maxToolTier: 3, fallbackPolicy: FallbackPolicy.ALLOW });
    expect(config.tenants).toEqual({});
    expect(config.keys).toEqual([]);
    expect(config.grpc).toEqual({ host: "127.0.0.1", port: 50_051 });
    expect(config.http).toEqual({ host: "127.0.0.1", port: 8_000 });
    expect(config.allowedHosts).toEqual([]);
    expect(config.allowedOrigins).toEqual([]);
    expect(config.limits).toEqual({
      maxChatBytes: 16 * 1024 * 1024,
      maxMessageBytes: 1024 * 1024,
      maxBytesInFlight: 256 * 1024 * 1024,
      maxCalls: 10_000,
      maxLagMs: 1000,
      maxStreamsPerConnection: 1_000,
      maxConnections: 4096,
      maxConnectionsPerPeer: 1024,
      trustedPeers: [],
      lockOutMs: 10_000,
      headerTimeoutMs: 10_000,
      bodyTimeoutMs: 60_000,
      stallTimeoutMs: 60_000,
      defaultDeadlineMs: 600_000,
      maxDeadlineMs: 3_600_000,
      drainMs: 30_000,
    });
    expect(config.logLevel).toBe("info");
    expect([...config.origins]).toEqual([]);
    expect(notices).toEqual([]);
  });

  test("an empty file and one of comments change nothing", async () => {
    const { config } = await load({});
    for (const file of ["", "# nothing yet\n", "providers:\npersonas:\nauth:\n  keys:\n"]) {
      const loaded = await load({ file });
      expect({ ...loaded.config, origins: 0 }).toEqual({ ...config, origins: 0 });
    }
  });
});

describe("the result", () => {
  const file = `
providers:
  near:
    kind: openai
    base_url: http://127.0.0.1:9000/v1
    headers: { X-Team: blue }
    quirks: { end_marker: [a, { b: 1 }] }
    models: { fast: { capabilities: { tools: native }, quirks: { deep: { er: [1] } } } }
personas: { default: { requires: [tools], sampling: { stop: [a], logit_bias: { 5: 1 } } } }
auth: { keys: { ci: { sha256: ${"ab".repeat(32)} } } }
`;

  test("is frozen all the way down", async () => {
    const loaded = await load({ file });
    const soft: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) soft.push(path);
      for (const [key, child] of Object.entries(value)) visit(child, `${path}.${key}`);
    };
    visit(loaded, "loaded");
    expect(soft).toEqual([]);
    expect(() => Reflect.apply(Reflect.get(loaded.config.origins, "set"), loaded.config.origins, ["a", "b"])).toThrow(
      TypeError,
    );
  });

  test("knows no name that nobody configured, however it is looked up", async () => {
    const { config } = await load({ file });
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      expect(config.providers[name]).toBeUndefined();
      expect(config.personas[name]).toBeUndefined();
      expect(config.providers.near?.models[name]).toBeUndefined();
    }
  });

  test("keeps hostile keys as data and pollutes nothing", async () => {
    const hostile = `
providers:
  near:
    kind: openai
    base_url: http://127.0.0.1:9000
    quirks: { end_marker: { __proto__: { polluted: 1 } } }
    models: { __proto__: { id: polluted }, constructor: { id: other } }
`;
    const { config } = await load({ file: hostile });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(Reflect.get({}, "id")).toBeUndefined();
    expect(Object.keys(config.providers.near?.models ?? {})).toEqual(["__proto__", "constructor"]);
    expect(Object.keys(Object(config.providers.near?.quirks.end_marker))).toEqual(["__proto__"]);
  });
});
