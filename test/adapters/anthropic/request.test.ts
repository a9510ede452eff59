import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { Modality, Verbosity } from "../../../src/gen/execution/v1/chat_pb.js";
import { CacheTtl } from "../../../src/gen/execution/v1/content_pb.js";
import { build, refusal } from "./build.ts";
import { anyModel, anyRequest } from "./random-requests.ts";
import { anthropicSettings } from "./rig.ts";

describe("a messages request", () => {
  test("says no more than it is asked to", () => {
    const { text, betas, warned } = build({}, { model: "claude-opus-5-5" });
    expect(text).toBe('{"model":"claude-opus-5-5","max_tokens":128000,"messages":[{"role":"user","content":"hi"}]}');
    expect([betas, warned]).toEqual([[], []]);
  });

  test("asks for a stream where the instance does", () => {
    expect(build({}, { quirks: { stream: true } }).body.stream).toBe(true);
  });

  test("bounds the output by the request, else the configuration, else the model, else little", () => {
    const bound = (model: string, request = {}, quirks = {}): unknown =>
      build(request, { model, quirks }).body.max_tokens;
    expect(bound("claude-haiku-4-5", { sampling: { maxOutputTokens: 7 } }, { max_tokens: 9 })).toBe(7);
    // Mutant seen red: sent as it is, which the server refuses.
    const most = { sampling: { maxOutputTokens: 4_294_967_295 } };
    expect(bound("claude-haiku-4-5", most)).toBe(64_000);
    expect(build(most).warned).toEqual(["FIELD_CHANGED sampling.max_output_tokens"]);
    expect(bound("claude-haiku-4-5", most, { max_tokens: 128_000 })).toBe(128_000);
    expect(bound("nobody-knows", most)).toBe(4_294_967_295);
    expect(bound("claude-haiku-4-5", {}, { max_tokens: 9 })).toBe(9);
    expect(bound("claude-haiku-4-5")).toBe(64_000);
    expect(bound("some-model")).toBe(4096);
  });

  test("says who it is for, in which tier, and that its prompt is to be cached", () => {
    const { body, warned } = build({
      endUserId: "u1",
      serviceTier: "standard_only",
      cacheHint: { ttl: CacheTtl.ONE_HOUR },
      metadata: { team: "a" },
    });
    expect(body).toMatchObject({
      metadata: { user_id: "u1" },
      service_tier: "standard_only",
      cache_control: { type: "ephemeral", ttl: "1h" },
    });
    expect(warned).toEqual([]);
  });

  test("goes without hints the wire has no field for", () => {
    const { body, warned } = build({
      verbosity: Verbosity.LOW,
      cacheKey: "k",
      store: false,
      safetySettings: [{ category: "c", threshold: "t" }],
      audioOutput: { format: "wav", voice: "v" },
      modalities: [Modality.TEXT],
    });
    expect(Object.keys(body)).toEqual(["model", "max_tokens", "messages"]);
    expect(warned).toEqual(["verbosity", "cache_key", "store", "safety_settings", "audio_output"]);
  });

  test("is refused where it asks for what the wire cannot give", () => {
    expect(refusal({ modalities: [Modality.TEXT, Modality.AUDIO] })).toBe("CAPABILITY_MISSING modalities[1]");
    expect(refusal({ modalities: [Modality.IMAGE] })).toBe("CAPABILITY_MISSING modalities[0]");
    expect(refusal({ upstreamRouting: { order: ["a"] } })).toBe("CAPABILITY_MISSING upstream_routing");
  });
});

describe("options of the provider", () => {
  const options = (json: string) => ({ providerOptionsJson: { anthropic: json } });

  test("are merged as they are", () => {
    const { text } = build(options('{"container":{"id":"c","n":9007199254740993}}'));
    expect(text).toContain('"container":{"id":"c","n":9007199254740993}}');
  });

  test("are those on the list, to which the operator may add (mutant: any option)", () => {
    for (const field of ["model", "messages", "max_tokens", "stream", "speed", "inference_geo", "service_tier"]) {
      expect(refusal(options(JSON.stringify({ [field]: "x" })))).toBe(
        `INVALID_FIELD provider_options_json["anthropic"].${field}`,
      );
    }
    const more = build(options('{"brand_new":{"a":1}}'), { quirks: { options: ["brand_new"] } });
    expect(more.body.brand_new).toEqual({ a: 1 });
  });

  test("of other kinds are not read", () => {
    expect(build({ providerOptionsJson: { openai: "{" } }).warned).toEqual([]);
  });
});

describe("betas", () => {
  test("are the instance's and those that what is asked for needs, each once", () => {
    const advisor = { kind: "advisor_20260301", optionsJson: '{"name":"advisor","model":"claude-opus-5"}' };
    const quirks = { betas: ["mine", "advisor-tool-2026-03-01"] };
    expect(build({ providerTools: [advisor] }, { quirks }).betas).toEqual(["mine", "advisor-tool-2026-03-01"]);
  });

  test.each([
    [{ context_management: { edits: [{ type: "clear_thinking_20251015" }] } }, ["context-management-2025-06-27"]],
    [{ context_management: { edits: [{ type: "compact_20260112" }] } }, ["compact-2026-01-12"]],
    [{ mcp_servers: [{ type: "url", name: "s", url: "https://x" }] }, ["mcp-client-2025-04-04"]],
    [{ container: "c" }, []],
  ])("of the option %j are %j", (option, betas) => {
    expect(build({ providerOptionsJson: { anthropic: JSON.stringify(option) } }).betas).toEqual(betas);
  });

  test("of the MCP connector depend on its form", () => {
    const request = {
      providerTools: [{ kind: "mcp_toolset", optionsJson: '{"mcp_server_name":"s"}' }],
      providerOptionsJson: { anthropic: '{"mcp_servers":[{"type":"url","name":"s","url":"https://x"}]}' },
    };
    expect(build(request).betas).toEqual(["mcp-client-2025-11-20"]);
  });
});

describe("any request", () => {
  test("becomes a JSON body for its model, or an error of ours (mutant: arguments of a call unchecked)", () => {
    const settings = anthropicSettings("https://api.anthropic.com");
    fc.assert(
      fc.property(anyRequest, anyModel, (request, model) => {
        try {
          const { body } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
          expect(JSON.parse(body)).toMatchObject({ model, stream: true });
        } catch (error) {
          if (!(error instanceof ExecutionError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
