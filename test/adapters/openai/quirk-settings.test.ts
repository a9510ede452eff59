import { describe, expect, test } from "@jest/globals";
import { checkQuirks, resolveQuirks, vendorOf } from "../../../src/adapters/openai/quirk-settings.ts";
import { VENDOR_BY_HOST, VENDORS } from "../../../src/adapters/openai/vendors.ts";
import { instance } from "./build.ts";

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

  test("never let options set a field the contract owns, or one that changes the price", () => {
    const owned = [
      ...["model", "messages", "stream", "stream_options", "n", "tools", "tool_choice", "response_format"],
      ...["max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "stop", "seed"],
      ...["random_seed", "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs"],
      ...["reasoning", "reasoning_effort", "thinking", "enable_thinking", "thinking_budget", "verbosity"],
      ...["service_tier", "modalities", "audio", "user", "safety_identifier", "user_id", "metadata", "store"],
      ...["prompt_cache_key", "web_search_options", "provider", "models", "plugins", "route", "prediction"],
    ];
    const listed = Object.values(VENDORS).flatMap(({ options }) => options ?? []);
    expect(listed.filter((option) => owned.includes(option))).toEqual([]);
  });
});
