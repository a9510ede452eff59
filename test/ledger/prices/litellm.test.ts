import { describe, expect, test } from "@jest/globals";
import { createLitellmReference } from "../../../src/ledger/prices/check/litellm.ts";
import type { PriceQuestion } from "../../../src/ledger/prices/check/reference.ts";

// Mutants seen red: the lowest bound that is exceeded instead of the highest; a tier's price looked for without its bound; anybody's key of the name.
const text = JSON.stringify({
  sample_spec: { input_cost_per_token: "a text", litellm_provider: "openai" },
  "gpt-x": {
    litellm_provider: "openai",
    input_cost_per_token: 2.5e-6,
    input_cost_per_token_above_128k_tokens: 3e-6,
    input_cost_per_token_above_200k_tokens: 5e-6,
    input_cost_per_token_flex: 1.25e-6,
    input_cost_per_token_batches: 1e-6,
    output_cost_per_token: 1e-5,
    cache_creation_input_token_cost: 1e-6,
    cache_creation_input_token_cost_above_1hr: 2e-6,
    search_context_cost_per_query: { search_context_size_medium: 0.01 },
  },
  "claude-x-20260101": { litellm_provider: "anthropic", input_cost_per_token: 3e-6 },
  "gemini-x": { litellm_provider: "vertex_ai-language-models", input_cost_per_token: 4e-6 },
  "groq/llama": { litellm_provider: "groq", input_cost_per_token: 5e-8 },
});

const ask = (changes: Partial<PriceQuestion>): PriceQuestion => ({
  vendor: "openai",
  model: "gpt-x",
  atMs: 0,
  tier: "",
  batch: false,
  region: "",
  input: 1_000,
  what: "input",
  ...changes,
});

describe("LiteLLM's file", () => {
  const { rate, covers } = createLitellmReference(text);
  const rateOf = (changes: Partial<PriceQuestion>) => rate(ask(changes));

  test("gives dollars per million tokens, by the length of the input, tier and batch API", () => {
    expect(rateOf({})).toBe(2.5);
    expect([rateOf({ input: 128_000 }), rateOf({ input: 128_001 }), rateOf({ input: 200_001 })]).toEqual([2.5, 3, 5]);
    expect([rateOf({ tier: "flex" }), rateOf({ tier: "priority" }), rateOf({ batch: true })]).toEqual([
      1.25,
      undefined,
      1,
    ]);
    // Long inputs have no price at flex there, and the short ones' is not theirs.
    expect(rateOf({ tier: "flex", input: 200_001 })).toBeUndefined();
    expect([rateOf({ what: "inputCacheWrite5m" }), rateOf({ what: "inputCacheWrite1h" })]).toEqual([1, 2]);
    expect([rateOf({ what: "output" }), rateOf({ what: "outputAudio" })]).toEqual([10, undefined]);
    expect([rateOf({ what: "web_search_requests" }), rateOf({ what: "search_context_low" })]).toEqual([
      0.01,
      undefined,
    ]);
  });

  test("has a vendor's models by its keys, those of the vendor alone, and snapshots for their model", () => {
    expect(rateOf({ vendor: "anthropic", model: "claude-x" })).toBe(3);
    expect(rateOf({ vendor: "vertex", model: "gemini-x" })).toBe(4);
    expect(rateOf({ vendor: "gemini", model: "gemini-x" })).toBeUndefined();
    expect(rateOf({ vendor: "anthropic" })).toBeUndefined();
    expect(rateOf({ vendor: "groq", model: "llama" })).toBeCloseTo(0.05, 12);
    expect(rateOf({ vendor: "openai", model: "sample_spec" })).toBeUndefined();
    for (const model of ["constructor", "__proto__", ""]) expect(rateOf({ model })).toBeUndefined();
  });

  test("covers no region of its own, and of what is billed beside tokens searches alone", () => {
    expect([covers(ask({})), covers(ask({ region: "global" })), covers(ask({ region: "eu" }))]).toEqual([
      true,
      true,
      false,
    ]);
    expect([covers(ask({ what: "search_context_high" })), covers(ask({ what: "minutes" }))]).toEqual([true, false]);
  });

  test.each(["", "[]", "null", "{}", "{", '{"a":{"input_cost_per_token":-1}}'])("is refused if it is %p", (wrong) => {
    expect(() => createLitellmReference(wrong)).toThrow();
  });
});
