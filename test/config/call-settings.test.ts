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
    expect(config.personas.default).toEqual({ name: "default", candidates: [{ provider: "mock" }] });
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
