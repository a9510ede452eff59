import { describe, expect, test } from "@jest/globals";
import { Modality, ReasoningEffort, ReasoningSummary, Verbosity } from "../../../src/gen/execution/v1/chat_pb.js";
import { parseChatCompletion } from "../../../src/server/openai/chat-completions.ts";
import { parsed, refused } from "./parse.ts";

const minimal = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';

describe("a chat-completions body", () => {
  test("needs a model and messages, and no more", () => {
    const { request, stream, includeUsage } = parseChatCompletion(minimal);
    expect([request.model, stream, includeUsage]).toEqual(["m", false, false]);
    expect(request.messages).toHaveLength(1);
    expect(request.sampling).toBeUndefined();
    expect(request.reasoning).toBeUndefined();
    expect(request.providerOptionsJson).toEqual({});
    expect(refused({ model: undefined }).field).toBe("model");
    expect(refused({ messages: [] }).field).toBe("messages");
  });

  test("says whether to stream and whether to end with usage", () => {
    const streamed = { model: "m", messages: [{ role: "user", content: "" }], stream: true };
    expect(parseChatCompletion(JSON.stringify(streamed))).toMatchObject({ stream: true, includeUsage: false });
    const counted = { ...streamed, stream_options: { include_usage: true } };
    expect(parseChatCompletion(JSON.stringify(counted))).toMatchObject({ stream: true, includeUsage: true });
  });

  test("that is no JSON object is refused without a word of it", () => {
    for (const body of ["", "my secret prompt", "[1]", '"x"', "null", `${minimal},`]) {
      const { field, why } = refused(body);
      expect([field, why.includes("secret")]).toEqual(["body", false]);
    }
  });

  test("takes null for absent, in fields it does not know too", () => {
    expect(parsed({ temperature: null, tools: null, n: null, no_such_field: null, stop: null })).toEqual(parsed());
  });

  test("names a field it does not know", () => {
    expect(refused({ temprature: 1 }).field).toBe("temprature");
    expect(refused({ response_format: { type: "text", strict: true } }).field).toBe("response_format.strict");
    expect(refused({ ["x".repeat(5000)]: 1 }).field).toHaveLength(67);
    expect(refused({ functions: [] }).why).toContain("use tools");
    // Mutant seen red: the name looked up without asking whether it is the table's own.
    expect(refused({ constructor: 1 }).why).toContain("leave it out");
  });

  test("asks for one answer", () => {
    expect(parsed({ n: 1 })).toEqual(parsed());
    expect(refused({ n: 2 })).toMatchObject({ field: "n", why: expect.stringContaining("must be 1") });
  });
});

describe("sampling", () => {
  test("is read field by field", () => {
    const { sampling } = parsed({
      max_tokens: 10,
      temperature: 0,
      top_p: 1,
      top_k: 0,
      min_p: 0.5,
      stop: "END",
      frequency_penalty: -2,
      presence_penalty: 2,
      repetition_penalty: 1.5,
      logit_bias: { "50256": -100 },
      logprobs: false,
      top_logprobs: 0,
    });
    expect(sampling).toMatchObject({
      maxOutputTokens: 10,
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0.5,
      stop: ["END"],
      frequencyPenalty: -2,
      presencePenalty: 2,
      repetitionPenalty: 1.5,
      logitBias: { 50256: -100 },
      logprobs: false,
      topLogprobs: 0,
    });
  });

  test("knows fields by all their names, which have to agree", () => {
    expect(parsed({ max_completion_tokens: 5, max_tokens: 5 }).sampling?.maxOutputTokens).toBe(5);
    expect(refused({ max_completion_tokens: 5, max_tokens: 6 }).field).toBe("max_tokens");
    expect(parsed({ random_seed: 3 }).sampling?.seed).toBe(3n);
  });

  test("keeps every digit of a seed", () => {
    const body = minimal.replace("{", '{"seed":9007199254740993,');
    expect(parseChatCompletion(body).request.sampling?.seed).toBe(9007199254740993n);
    expect(refused(minimal.replace("{", '{"seed":9223372036854775808,')).field).toBe("seed");
    expect(refused(minimal.replace("{", '{"seed":1.5,')).field).toBe("seed");
  });

  test.each([
    ["temperature", 2.1],
    ["temperature", "0.5"],
    ["top_p", -0.1],
    ["max_tokens", 0],
    ["max_tokens", 1.5],
    ["stop", [""]],
    ["logit_bias", { x: 1 }],
    ["logprobs", 1],
    ["top_logprobs", 51],
  ])("refuses %s %j", (key, value) => {
    expect(refused({ [key]: value }).field).toMatch(new RegExp(`^${key}`));
  });
});

describe("reasoning", () => {
  test.each([
    [{ reasoning_effort: "minimal" }, { effort: ReasoningEffort.MINIMAL }],
    [{ reasoning: { effort: "xhigh", enabled: true } }, { effort: ReasoningEffort.XHIGH, enabled: true }],
    [{ reasoning: { max_tokens: 7, exclude: true } }, { tokenBudget: 7, summary: ReasoningSummary.NONE }],
    [{ thinking: { type: "disabled", clear_thinking: false } }, { enabled: false, discardPrevious: false }],
    [{ thinking: { type: "enabled", budget_tokens: 9 } }, { enabled: true, tokenBudget: 9 }],
    [
      { enable_thinking: false, thinking_budget: 0 },
      { enabled: false, tokenBudget: 0 },
    ],
  ])("is read from %j", (fields, expected) => {
    expect(parsed(fields).reasoning).toMatchObject(expected);
  });

  test("of an unknown kind is refused", () => {
    expect(refused({ reasoning_effort: "huge" }).field).toBe("reasoning_effort");
    expect(refused({ thinking: { type: "adaptive" } }).field).toBe("thinking.type");
    expect(refused({ reasoning: { effort: "low", model: "x" } }).field).toBe("reasoning.model");
  });
});

describe("everything else", () => {
  test("is read into its field of the contract", () => {
    const request = parsed({
      parallel_tool_calls: false,
      verbosity: "high",
      service_tier: "flex",
      modalities: ["text", "audio"],
      audio: { format: "wav", voice: "alloy" },
      user: "u",
      prompt_cache_key: "k",
      store: false,
      metadata: { team: "blue" },
      provider: { order: ["anthropic"], allow_fallbacks: false },
    });
    expect(request).toMatchObject({
      parallelToolCalls: false,
      verbosity: Verbosity.HIGH,
      serviceTier: "flex",
      modalities: [Modality.TEXT, Modality.AUDIO],
      audioOutput: { format: "wav", voice: "alloy" },
      endUserId: "u",
      cacheKey: "k",
      store: false,
      metadata: { team: "blue" },
      upstreamRouting: { order: ["anthropic"], allowFallbacks: false },
    });
    expect(parsed({ safety_identifier: "s" }).endUserId).toBe("s");
    expect(refused({ safety_identifier: "s", user: "u" }).field).toBe("user");
    expect(refused({ provider: { max_price: {} } }).field).toBe("provider.max_price");
  });

  test("of single servers goes into the options, as it was written", () => {
    const body = minimal.replace("{", '{"transforms":[1.0],"chat_template_kwargs":{"b":12345678901234567890,"1":0},');
    expect(parseChatCompletion(body).request.providerOptionsJson).toEqual({
      openai: '{"transforms":[1.0],"chat_template_kwargs":{"b":12345678901234567890,"1":0}}',
    });
    expect(parsed({ safe_prompt: true }).providerOptionsJson).toEqual({ openai: '{"safe_prompt":true}' });
    expect(parsed({ safe_prompt: false }).providerOptionsJson).toEqual({});
  });
});
