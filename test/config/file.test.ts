import { describe, expect, test } from "@jest/globals";
import { Capability, Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { load } from "./load-from.ts";

describe("a provider instance", () => {
  test("is read with its models, timeouts and quirks, units and names turned into ours", async () => {
    const { config } = await load({
      file: `
providers:
  near:
    kind: openai
    base_url: "http://127.0.0.1:9000/v1//"
    transport: sdk
    spends: false
    default_model: fast
    timeouts: { connect: 250ms, headers: 2m, idle: 1h }
    quirks: { end_marker: done }
    models:
      fast:
        id: some-model
        capabilities: { tools: native, image_input: none, json_schema: emulated }
        context_window: 128000
        max_output_tokens: 4096
        quirks: { seed_field: random_seed, nested: { list: [1, 2.5, true, null, x] } }
      org/verbatim: {}
`,
    });
    const near = config.providers.near;
    expect(near).toMatchObject({
      name: "near",
      kind: "openai",
      baseUrl: "http://127.0.0.1:9000/v1",
      transport: "sdk",
      spends: false,
      defaultModel: "fast",
      timeouts: { connectMs: 250, headersMs: 120_000, idleMs: 3_600_000 },
      quirks: { end_marker: "done" },
    });
    expect(near?.apiKey).toBeUndefined();
    expect(near?.models.fast).toMatchObject({
      id: "some-model",
      contextWindow: 128_000,
      maxOutputTokens: 4_096,
      quirks: { seed_field: "random_seed", nested: { list: [1, 2.5, true, null, "x"] } },
    });
    expect(near?.models.fast?.capabilities.map(({ capability, support }) => [capability, support])).toEqual([
      [Capability.TOOLS, Support.NATIVE],
      [Capability.IMAGE_INPUT, Support.NONE],
      [Capability.JSON_SCHEMA, Support.EMULATED],
    ]);
    expect(near?.models["org/verbatim"]).toEqual({ id: "org/verbatim", capabilities: [], quirks: {} });
  });

  test("keeps the query of its base URL, which some providers need", async () => {
    const { config } = await load({
      file: 'providers: { azure: { kind: openai, base_url: "https://x.example/openai/deployments/d/?api-version=2024-10-21" } }',
    });
    expect(config.providers.azure?.baseUrl).toBe("https://x.example/openai/deployments/d?api-version=2024-10-21");
  });

  test("several of a kind stand side by side, the first serving personas that name no candidates", async () => {
    const { config } = await load({
      file: `
providers:
  b: { kind: openai, base_url: http://127.0.0.1:1 }
  a: { kind: openai, base_url: http://127.0.0.1:2 }
personas: { default: {}, other: { candidates: [{ provider: a, model: m }, { provider: b }] } }
`,
    });
    expect(config.personas.default?.candidates).toEqual([{ provider: "b" }]);
    expect(config.personas.other?.candidates).toEqual([{ provider: "a", model: "m" }, { provider: "b" }]);
  });
});

describe("a persona", () => {
  test("is read with its prompt, requirements and sampling", async () => {
    const { config } = await load({
      file: `
personas:
  default:
    system: |
      You review code.
      Be brief.
    requires: { tools: true, image_input: false, json_schema: true }
    max_tool_tier: 1
    timeout: 90s
    sampling:
      max_output_tokens: 100
      temperature: 0
      top_p: 0.5
      top_k: 7
      stop: [END]
      seed: 9223372036854775807
      frequency_penalty: -2
      presence_penalty: 1.5
      logit_bias: { 50256: -100 }
      logprobs: true
      top_logprobs: 3
      min_p: 0.1
      repetition_penalty: 1.1
`,
    });
    expect(config.personas.default).toMatchObject({
      system: "You review code.\nBe brief.\n",
      requires: [Capability.TOOLS, Capability.JSON_SCHEMA],
      maxToolTier: 1,
      timeoutMs: 90_000,
      sampling: {
        maxOutputTokens: 100,
        temperature: 0,
        topP: 0.5,
        topK: 7,
        stop: ["END"],
        seed: 9_223_372_036_854_775_807n,
        frequencyPenalty: -2,
        presencePenalty: 1.5,
        logitBias: { 50256: -100 },
        logprobs: true,
        topLogprobs: 3,
        minP: 0.1,
        repetitionPenalty: 1.1,
      },
    });
  });

  test("may list what it requires", async () => {
    const { config } = await load({ file: "personas: { default: { requires: [native_tools, reasoning] } }" });
    expect(config.personas.default?.requires).toEqual([Capability.NATIVE_TOOLS, Capability.REASONING]);
  });

  test("is not made up beside others, and that is said", async () => {
    const { config, notices } = await load({ file: "personas: { reviewer: {} }" });
    expect(Object.keys(config.personas)).toEqual(["reviewer"]);
    expect(notices).toEqual(['there is no persona "default": requests that name no persona are refused']);
  });
});

describe("an API key", () => {
  test("is read as its hash with what it may do", async () => {
    const hash = "AB".repeat(32);
    const { config } = await load({
      file: `
personas: { default: {}, reviewer: {} }
auth:
  keys:
    plain: { sha256: "${"01".repeat(32)}" }
    ci:
      sha256: ${hash}
      tenant: acme
      roles: [viewer, platform_admin]
      personas: [reviewer]
      providers: [mock]
      models: [a, b/c]
      provider_options: true
`,
    });
    expect(config.keys).toEqual([
      { name: "plain", sha256: "01".repeat(32), tenant: "default", roles: [Role.CALLER], providerOptions: false },
      {
        name: "ci",
        sha256: hash.toLowerCase(),
        tenant: "acme",
        roles: [Role.VIEWER, Role.PLATFORM_ADMIN],
        personas: ["reviewer"],
        providers: ["mock"],
        models: ["a", "b/c"],
        providerOptions: true,
      },
    ]);
  });
});

describe("origins", () => {
  test("name the line of every value of the file, and nothing else", async () => {
    const { config } = await load({
      file: `providers:
  near:
    kind: openai
    base_url: http://127.0.0.1:9000
personas:
  default:
    candidates:
      - provider: near
        model: fast
log_level: warn
allowed_hosts:
  - a.example
`,
    });
    expect(Object.fromEntries(config.origins)).toEqual({
      providers: "file:2",
      "providers.near": "file:3",
      "providers.near.kind": "file:3",
      "providers.near.base_url": "file:4",
      personas: "file:6",
      "personas.default": "file:7",
      "personas.default.candidates": "file:8",
      "personas.default.candidates[0].provider": "file:8",
      "personas.default.candidates[0].model": "file:9",
      log_level: "file:10",
      allowed_hosts: "file:12",
    });
  });
});

describe("where the file is", () => {
  test("EP_CONFIG names another, and its paths are relative to it", async () => {
    const { config } = await load({
      environment: { EP_CONFIG: "etc/gateway.yaml" },
      file: "log_level: debug",
      files: {
        "etc/gateway.yaml": "providers: { near: { kind: openai, api_key: { file: ./key } } }",
        "etc/key": "sk-from-file\n",
      },
    });
    expect(config.logLevel).toBe("info");
    expect(config.providers.near?.apiKey?.reveal()).toBe("sk-from-file");
  });

  test("a nearly right name is said to be ignored", async () => {
    const { notices } = await load({ files: { "execution-platform.yml": "log_level: debug" } });
    expect(notices).toEqual([
      "execution-platform.yml is not read: its name must be execution-platform.yaml, or EP_CONFIG must name it",
    ]);
  });
});
