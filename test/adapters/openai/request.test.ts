import { describe, expect, test } from "@jest/globals";
import { Modality, ReasoningEffort, ReasoningSummary, Verbosity } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { build, refusal } from "./build.ts";

describe("the body of a chat-completions request", () => {
  test("holds the model, the messages and nothing that was not asked for", () => {
    expect(build({}).body).toEqual({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
  });

  test("asks for a stream and its usage where the instance says so", () => {
    expect(build({}, { quirks: { stream: true } }).body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    const always = build({}, { quirks: { stream: true, stream_usage: "always" } }).body;
    expect(always.stream).toBe(true);
    expect(always).not.toHaveProperty("stream_options");
  });

  test("carries every sampling field the server takes", () => {
    const sampling = {
      maxOutputTokens: 10,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      stop: ["END", "\n"],
      seed: 7n,
      frequencyPenalty: 0.25,
      presencePenalty: -0.25,
      repetitionPenalty: 1.1,
      logitBias: { 50256: -100 },
      logprobs: true,
      topLogprobs: 3,
    };
    const built = build({ sampling }, { vendor: "vllm" });
    expect(built.ignored).toEqual([]);
    expect(built.body).toMatchObject({
      max_tokens: 10,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      stop: ["END", "\n"],
      seed: 7,
      frequency_penalty: 0.25,
      presence_penalty: -0.25,
      repetition_penalty: 1.1,
      logit_bias: { "50256": -100 },
      logprobs: true,
      top_logprobs: 3,
    });
  });

  // Mutant seen red: sent as it is, which the server refuses.
  test("asks for no more output than the model can make, where that is known", () => {
    const sampling = { maxOutputTokens: 4_294_967_295 };
    const { body, warnings } = build({ sampling });
    expect(body.max_completion_tokens).toBe(16_384);
    expect(warnings).toMatchObject([{ code: "FIELD_CHANGED", field: "sampling.max_output_tokens" }]);
    expect(build({ sampling }, { vendor: "vllm" }).body.max_tokens).toBe(4_294_967_295);
  });

  test("keeps zeros, which are not absence", () => {
    const { body } = build({ sampling: { temperature: 0, topP: 0, seed: 0n, logprobs: false, topLogprobs: 0 } });
    expect(body).toMatchObject({ temperature: 0, top_p: 0, seed: 0, logprobs: false, top_logprobs: 0 });
  });

  test("leaves out what the vendor lacks, each with a warning that names the contract's field", () => {
    const { body, warnings, ignored } = build({
      sampling: { topK: 40, minP: 0.1, repetitionPenalty: 1.2 },
      safetySettings: [{ category: "hate", threshold: "low" }],
      cacheHint: {},
    });
    expect(Object.keys(body)).toEqual(["model", "messages"]);
    expect(ignored).toEqual([
      ...["sampling.top_k", "sampling.min_p", "sampling.repetition_penalty", "safety_settings", "cache_hint"],
    ]);
    expect(new Set(warnings.map(({ code }) => code))).toEqual(new Set(["FIELD_IGNORED"]));
  });

  test("calls fields by the vendor's names", () => {
    const request = { sampling: { maxOutputTokens: 5, seed: 1n }, endUserId: "u1" };
    expect(build(request).body).toMatchObject({ max_completion_tokens: 5, seed: 1, user: "u1" });
    const mistral = build(request, { vendor: "mistral" });
    expect(mistral.body).toMatchObject({ max_tokens: 5, random_seed: 1 });
    expect(mistral.ignored).toEqual(["end_user_id"]);
    expect(build(request, { vendor: "zai" }).body).toMatchObject({ user_id: "u1" });
  });

  test("keeps every digit of a seed", () => {
    expect(build({ sampling: { seed: 9007199254740993n } }).text).toContain('"seed":9007199254740993');
  });

  test("does not send what labels the ledger", () => {
    expect(build({ metadata: { team: "blue" }, store: true }).body).not.toHaveProperty("metadata");
  });

  test("carries verbosity, tier, modalities, sound, cache key and store", () => {
    const { body, ignored } = build({
      verbosity: Verbosity.LOW,
      serviceTier: "flex",
      modalities: [Modality.TEXT, Modality.AUDIO],
      audioOutput: { format: "wav", voice: "alloy" },
      cacheKey: "k",
      store: false,
      parallelToolCalls: false,
    });
    expect(ignored).toEqual([]);
    expect(body).toMatchObject({
      verbosity: "low",
      service_tier: "flex",
      modalities: ["text", "audio"],
      audio: { format: "wav", voice: "alloy" },
      prompt_cache_key: "k",
      store: false,
      parallel_tool_calls: false,
    });
  });

  test("asks for kinds of output only where the server has them", () => {
    const image = { modalities: [Modality.TEXT, Modality.IMAGE] };
    expect(build(image, { vendor: "openrouter" }).body.modalities).toEqual(["text", "image"]);
    expect(refusal(image).extras.preconditions?.[0]?.subject).toBe("IMAGE_OUTPUT");
    expect(refusal({ modalities: [Modality.AUDIO] }, { vendor: "mistral" }).reason).toBe("CAPABILITY_MISSING");
    const audioOutput = { format: "wav", voice: "alloy" };
    const silent = build({ modalities: [Modality.TEXT], audioOutput }, { vendor: "mistral" });
    expect(Object.keys(silent.body)).toEqual(["model", "messages"]);
    expect(silent.ignored).toEqual(["audio_output"]);
  });

  test("stays within what the server takes of temperature and seed", () => {
    const sampling = { temperature: 2, seed: -1n };
    expect(build({ sampling }).body).toMatchObject({ temperature: 2, seed: -1 });
    const { body, warnings } = build({ sampling }, { vendor: "mistral" });
    expect(body).toEqual({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }], temperature: 1.5 });
    expect(warnings.map(({ code, field }) => [code, field])).toEqual([
      ["FIELD_CHANGED", "sampling.temperature"],
      ["FIELD_IGNORED", "sampling.seed"],
    ]);
  });

  test("is not built without a message", () => {
    const messages = [{ role: MessageRole.TOOL, parts: [] }];
    expect(refusal({ messages }).extras.fields?.[0]?.field).toBe("messages");
  });

  test("names upstreams to an aggregator and fails for a provider of its own models", () => {
    const upstreamRouting = { order: ["anthropic"], allowFallbacks: false };
    expect(build({ upstreamRouting }, { vendor: "openrouter" }).body).toMatchObject({
      provider: { order: ["anthropic"], allow_fallbacks: false },
    });
    expect(refusal({ upstreamRouting }).reason).toBe("CAPABILITY_MISSING");
  });
});

describe("models that reason", () => {
  const sampling = { temperature: 0.5, topP: 0.5, stop: ["x"], maxOutputTokens: 9 };

  test("do not get the sampling they refuse", () => {
    const { body, ignored } = build({ sampling }, { model: "o3-mini" });
    expect(body).toMatchObject({ max_completion_tokens: 9 });
    expect(ignored).toEqual(["sampling.temperature", "sampling.top_p", "sampling.stop"]);
    expect(build({ sampling }, { model: "gpt-5-2025-08-07", vendor: "azure" }).ignored).toHaveLength(3);
  });

  test("get it while they are told not to reason", () => {
    const effort = (value: ReasoningEffort) =>
      build({ sampling, reasoning: { effort: value } }, { model: "gpt-5.2" }).ignored;
    expect(effort(ReasoningEffort.NONE)).toEqual([]);
    expect(effort(ReasoningEffort.HIGH)).toEqual(["sampling.temperature", "sampling.top_p", "sampling.stop"]);
    expect(build({ sampling }, { model: "gpt-5.2" }).ignored).toEqual([]);
    expect(build({ sampling }, { model: "gpt-5.5" }).ignored).toHaveLength(3);
  });

  test("are known by name only where names are OpenAI's", () => {
    expect(build({ sampling }, { model: "o3-mini", vendor: "compatible" }).ignored).toEqual([]);
  });
});

describe("what is asked of reasoning", () => {
  const all = {
    effort: ReasoningEffort.HIGH,
    tokenBudget: 2000,
    enabled: true,
    summary: ReasoningSummary.NONE,
    discardPrevious: false,
  };

  test.each([
    ["openai", { reasoning_effort: "high" }, ["token_budget", "enabled", "summary", "discard_previous"]],
    ["openrouter", { reasoning: { max_tokens: 2000, enabled: true, exclude: true } }, ["discard_previous"]],
    [
      "zai",
      { thinking: { type: "enabled", budget_tokens: 2000, clear_thinking: false }, reasoning_effort: "high" },
      ["summary"],
    ],
    ["moonshot", { thinking: { type: "enabled", budget_tokens: 2000, clear_thinking: false } }, ["effort", "summary"]],
    ["alibaba", { enable_thinking: true, thinking_budget: 2000 }, ["effort", "summary", "discard_previous"]],
  ])("goes to %s in its own fields, the rest with a warning", (vendor, fields, lacking) => {
    const { body, ignored } = build({ reasoning: all }, { vendor });
    const { model, messages, ...rest } = body;
    expect([model, messages]).toHaveLength(2);
    expect(rest).toEqual(fields);
    expect(ignored).toEqual(lacking.map((field) => `reasoning.${field}`));
  });

  test("switches a server that only has a switch by the effort", () => {
    const thinking = (effort: ReasoningEffort) => build({ reasoning: { effort } }, { vendor: "moonshot" });
    expect(thinking(ReasoningEffort.NONE).body).toMatchObject({ thinking: { type: "disabled" } });
    expect(thinking(ReasoningEffort.NONE).ignored).toEqual([]);
    expect(thinking(ReasoningEffort.LOW).body).toMatchObject({ thinking: { type: "enabled" } });
  });

  test.each([
    [ReasoningEffort.NONE, "none", []],
    [ReasoningEffort.LOW, "high", ["FIELD_CHANGED"]],
    [ReasoningEffort.HIGH, "high", []],
    [ReasoningEffort.MAX, "high", ["FIELD_CHANGED"]],
  ])("becomes an effort the server knows, and never none unless asked for: %s", (effort, word, codes) => {
    const { body, warnings } = build({ reasoning: { effort } }, { vendor: "mistral", model: "mistral-small-latest" });
    expect(body.reasoning_effort).toBe(word);
    expect(warnings.map(({ code }) => code)).toEqual(codes);
  });

  test("becomes the next lower effort of several", () => {
    const quirks = { efforts: ["high", "low"] };
    const word = (effort: ReasoningEffort): unknown =>
      build({ reasoning: { effort } }, { quirks }).body.reasoning_effort;
    expect([ReasoningEffort.NONE, ReasoningEffort.MEDIUM, ReasoningEffort.MAX].map(word)).toEqual([
      "low",
      "low",
      "high",
    ]);
    expect(build({ reasoning: { effort: ReasoningEffort.LOW } }, { quirks: { efforts: ["none"] } }).ignored).toEqual([
      "reasoning.effort",
    ]);
    const large = { vendor: "mistral", model: "mistral-large-4-0" };
    expect(build({ reasoning: { effort: ReasoningEffort.LOW } }, large).body.reasoning_effort).toBe("low");
  });

  test("is left out with a warning where there is no reasoning", () => {
    const { body, ignored } = build(
      { reasoning: { effort: ReasoningEffort.LOW } },
      { quirks: { reasoning_style: "none" } },
    );
    expect(Object.keys(body)).toEqual(["model", "messages"]);
    expect(ignored).toEqual(["reasoning.effort"]);
  });
});

describe("options of one kind of provider", () => {
  const option = (json: string) => ({ providerOptionsJson: { openai: json } });

  test("are merged where the vendor's list has them, digits kept", () => {
    const { text } = build(option('{"safe_prompt": true, "prompt_mode": 12345678901234567890}'), { vendor: "mistral" });
    expect(text).toContain('"safe_prompt":true');
    expect(text).toContain('"prompt_mode":12345678901234567890');
  });

  test("are refused where the list has not, by their path", () => {
    for (const key of ["n", "model", "messages", "stream", "service_tier", "provider", "models", "tools"]) {
      const error = refusal(option(`{"${key}": 1}`), { vendor: "openrouter" });
      expect(error.reason).toBe("INVALID_FIELD");
      expect(error.extras.fields?.[0]?.field).toBe(`provider_options_json["openai"].${key}`);
    }
    expect(refusal(option("[1]")).reason).toBe("INVALID_FIELD");
    expect(refusal(option('{"a":1},"n":{}')).reason).toBe("INVALID_FIELD");
  });

  test("of another kind are none of ours", () => {
    expect(build({ providerOptionsJson: { anthropic: '{"n": 2}' } }).body).toEqual(build({}).body);
  });
});
