import { describe, expect, test } from "@jest/globals";
import { checkQuirks, regionOf, resolveQuirks, vendorOf } from "../../../src/adapters/openai/quirk-settings.ts";
import { VENDOR_BY_HOST, VENDORS } from "../../../src/adapters/openai/vendors.ts";
import { Modality, ReasoningEffort, Verbosity } from "../../../src/gen/execution/v1/chat_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, instance } from "./build.ts";
import { openaiSettings } from "./rig.ts";

describe("the vendor of an instance", () => {
  test.each([
    ["https://api.openai.com/v1", "openai"],
    ["https://eu.api.openai.com/v1", "openai"],
    ["https://res.openai.azure.com/openai/deployments/x?api-version=1", "azure"],
    ["https://res.services.ai.azure.com/models", "azure"],
    ["https://openrouter.ai/api/v1", "openrouter"],
    ["https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "alibaba"],
    ["http://localhost:11434/v1", "ollama"],
    ["http://localhost:8000/v1", "compatible"],
    ["https://api.openai.com.evil.example/v1", "compatible"],
    ["https://notopenrouter.ai/v1", "compatible"],
    ["no url", "compatible"],
  ])("at %s is %s", (baseUrl, vendor) => {
    expect(vendorOf(baseUrl)).toBe(vendor);
  });

  test("every host leads to a preset", () => {
    expect(VENDOR_BY_HOST.filter(([, vendor]) => !Object.hasOwn(VENDORS, vendor))).toEqual([]);
  });
});

describe("quirks", () => {
  test("are the preset's, then the instance's, then the model's", () => {
    const model = { id: "m", capabilities: [], quirks: { stream: false } };
    const settings = instance({ max_tokens_field: "max_tokens" }, { alias: model }, "https://api.groq.com/openai/v1");
    expect(resolveQuirks(settings, "other")).toMatchObject({
      vendor: "groq",
      reasoningFields: ["reasoning"],
      maxTokensField: "max_tokens",
      stream: true,
    });
    expect(resolveQuirks(settings, "m").stream).toBe(false);
  });

  test("of OpenAI hold where no base URL is given", () => {
    expect(resolveQuirks(instance(), "gpt-4o").vendor).toBe("openai");
  });

  test("wrongly configured are told by path, with what would do", () => {
    const model = { id: "m", capabilities: [], quirks: { stream: "yes", vendor: "openai" } };
    const settings = instance(
      {
        vendor: "nobody",
        end_marker: "eof",
        streem: true,
        ignores: ["top_k", "nothing"],
        options: "x",
        highest_temperature: -1,
      },
      { alias: model },
    );
    const problems = checkQuirks(settings).map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(problems).toEqual([
      expect.stringMatching(/^quirks\.vendor: must be one of compatible, openai/),
      "quirks.end_marker: must be one of done, finish_reason",
      expect.stringMatching(/^quirks\.streem: is not known; known are auth_header/),
      expect.stringMatching(/^quirks\.ignores: must be a list of temperature/),
      "quirks.options: must be a list of texts",
      "quirks.highest_temperature: must be a number from 0",
      expect.stringMatching(/^models\.alias\.quirks\.vendor: belongs to the instance/),
      "models.alias.quirks.stream: must be true or false",
    ]);
    expect(checkQuirks(instance({ vendor: "vllm", reasoning_fields: [], cache_hints: "none" }))).toEqual([]);
  });

  // Mutants seen red: any text taken for an option; one that a request is built with missing from the list.
  test("never let options set a field the contract owns, or one that changes the price", () => {
    const body = {
      tools: [{ name: "f" }],
      toolChoice: { mode: ToolChoiceMode.AUTO },
      providerTools: [{ kind: "web_search" }],
      parallelToolCalls: false,
      responseFormat: { format: { case: "json" as const, value: {} } },
      sampling: {
        maxOutputTokens: 9,
        ...{ temperature: 1, topP: 1, topK: 1, minP: 1, stop: ["x"], seed: 1n, frequencyPenalty: 1 },
        ...{ presencePenalty: 1, repetitionPenalty: 1, logitBias: { 1: 1 }, logprobs: true, topLogprobs: 1 },
      },
      reasoning: { effort: ReasoningEffort.LOW, tokenBudget: 9, enabled: true },
      verbosity: Verbosity.LOW,
      modalities: [Modality.TEXT],
      audioOutput: { format: "wav", voice: "a" },
      ...{ serviceTier: "flex", endUserId: "u", cacheKey: "k", store: true, upstreamRouting: { order: ["a"] } },
    };
    const every = { ignores: [], upstream_routing: true, provider_tools: "web_search_options", stream: true };
    const variants = [
      { max_tokens_field: "max_completion_tokens", seed_field: "random_seed", end_user_field: "user_id" },
      { reasoning_style: "openrouter", end_user_field: "safety_identifier" },
      { reasoning_style: "thinking_and_effort" },
      { reasoning_style: "enable_thinking" },
      {},
    ];
    for (const quirks of variants) {
      const written = Object.keys(build(body, { vendor: "compatible", quirks: { ...every, ...quirks } }).body);
      const taken = written.filter((field) => checkQuirks(instance({ options: [field] })).length === 0);
      expect(taken).toEqual([]);
    }
    const listed = Object.values(VENDORS).flatMap(({ options }) => options ?? []);
    expect(checkQuirks(instance({ options: listed }))).toEqual([]);
    const priced = checkQuirks(instance({ options: ["top_a", "plugins"] })).map(({ message }) => message);
    expect(priced).toEqual([expect.stringMatching(/^must not hold plugins/)]);
  });
});

test.each([
  ["https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1", "us-east-1"],
  ["https://bedrock-mantle.us-gov-west-1.api.aws/v1", "us-gov-west-1"],
  ["https://us-east-1.amazonaws.com.example/v1", undefined],
  ["https://api.openai.com/v1", undefined],
  [undefined, undefined],
])("the region of %s is %s", (baseUrl, region) => {
  const { baseUrl: _, ...settings } = openaiSettings("http://127.0.0.1:1");
  expect(regionOf({ ...settings, ...(baseUrl !== undefined && { baseUrl }) })).toBe(region);
});
