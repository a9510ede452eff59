import { describe, expect, test } from "@jest/globals";
import { Capability } from "../../src/gen/execution/v1/capabilities_pb.js";
import { FallbackPolicy, ReasoningEffort, ReasoningSummary, Verbosity } from "../../src/gen/execution/v1/chat_pb.js";
import { load } from "./load-from.ts";

const settings = `
    system: [You review code., Be brief.]
    requires: [tools]
    sampling: { temperature: 0.5 }
    reasoning: { effort: xhigh, token_budget: 1000, enabled: true, summary: concise, discard_previous: false }
    verbosity: low
    service_tier: flex
    parallel_tool_calls: false
    store: false
    max_tool_tier: 2
    fallback_policy: deny
    timeout: 90s
`;

const read = {
  system: "You review code.\n\nBe brief.",
  requires: [Capability.TOOLS],
  sampling: { temperature: 0.5 },
  reasoning: {
    effort: ReasoningEffort.XHIGH,
    tokenBudget: 1000,
    enabled: true,
    summary: ReasoningSummary.CONCISE,
    discardPrevious: false,
  },
  verbosity: Verbosity.LOW,
  serviceTier: "flex",
  parallelToolCalls: false,
  store: false,
  maxToolTier: 2,
  fallbackPolicy: FallbackPolicy.DENY,
  timeoutMs: 90_000,
};

describe("the settings of a call", () => {
  test("are the same in defaults, a tenant and a persona", async () => {
    const { config } = await load({
      file: `defaults:${settings}tenants:\n  acme:${settings}personas:\n  default:${settings}`,
    });
    expect(config.defaults).toMatchObject(read);
    expect(config.tenants.acme).toMatchObject({ name: "acme", ...read });
    expect(config.personas.default).toMatchObject({ name: "default", ...read });
  });

  test("that a layer does not have are absent from it, so that the layer below is seen", async () => {
    const { config } = await load({ file: "personas: { default: {} }\ntenants: { acme: {} }\n" });
    const { routing, ...persona } = config.personas.default ?? {};
    expect(persona).toEqual({ name: "default", candidates: [{ provider: "mock" }] });
    expect(routing).toEqual({ strategy: "ordered", continuation: false, fallBackOnBlock: false });
    expect(config.tenants.acme).toEqual({ name: "acme" });
  });
});

describe("a tenant", () => {
  test("is read with what its keys may use", async () => {
    const { config } = await load({
      file: `
personas: { default: {}, reviewer: { description: Reviews code. } }
tenants:
  acme: { description: A customer., personas: [reviewer], providers: [mock], models: [small], default_persona: reviewer }
auth: { keys: { a: { sha256: ${"ab".repeat(32)}, tenant: acme, personas: [reviewer], models: [small] } } }
`,
    });
    expect(config.tenants.acme).toEqual({
      name: "acme",
      personas: ["reviewer"],
      providers: ["mock"],
      models: ["small"],
      defaultPersona: "reviewer",
    });
  });

  test("may be any where none is listed, and `default` is always there", async () => {
    const key = (tenant: string): string =>
      `auth: { keys: { a: { sha256: ${"ab".repeat(32)}, tenant: ${tenant} } } }\n`;
    expect((await load({ file: key("anybody") })).config.keys[0]?.tenant).toBe("anybody");
    expect((await load({ file: `tenants: { acme: {} }\n${key("default")}` })).config.keys[0]?.tenant).toBe("default");
  });
});

describe("how calls go through candidates", () => {
  test("is said by the persona, in the file's words", async () => {
    const { config } = await load({
      file: `
providers:
  near: { kind: mock, retries: 1, breaker: { failures: 2 }, timeouts: { first_token: 20s, total: 2m } }
personas:
  default:
    candidates: [{ provider: near, model: a, weight: 3 }, { provider: near, model: b, weight: 0 }]
    strategy: weighted
    retries: 0
    breaker: { cooldown: 30s }
    hedge: { max_usd: 0.000000001 }
    continuation: true
    fall_back_on_block: true
`,
    });
    expect(config.providers.near).toMatchObject({
      retries: 1,
      breaker: { failures: 2, cooldownMs: 2_000 },
      timeouts: { firstTokenMs: 20_000, totalMs: 120_000 },
    });
    expect(config.personas.default).toMatchObject({
      candidates: [{ weight: 3 }, { weight: 0 }],
      routing: {
        strategy: "weighted",
        retries: 0,
        breaker: { cooldownMs: 30_000 },
        hedge: { minDelayMs: 100, maxDelayMs: 10_000, maxCostNanoUsd: 1n },
        continuation: true,
        fallBackOnBlock: true,
      },
    });
    expect(config.personas.default?.routing?.breaker).not.toHaveProperty("failures");
  });

  test("knows an instance without a breaker", async () => {
    const { config } = await load({ file: "providers: { near: { kind: mock, breaker: { failures: 0 } } }\n" });
    expect(config.providers.near).not.toHaveProperty("breaker");
  });
});
