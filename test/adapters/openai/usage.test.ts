import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { providerCost, readUsage } from "../../../src/adapters/openai/usage.ts";
import { hasGrown } from "../../../src/adapters/usage-buckets.ts";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";

function buckets(reported: Readonly<Record<string, unknown>>): Record<string, number> {
  const usage = readUsage(reported);
  return Object.fromEntries(USAGE_BUCKETS.flatMap((name) => (usage[name] === undefined ? [] : [[name, usage[name]]])));
}

describe("usage of chat completions", () => {
  test.each([
    [
      "totals alone stay totals",
      { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
      { inputTotal: 9, outputTotal: 3 },
    ],
    [
      "details are taken out of their totals",
      {
        prompt_tokens: 9,
        completion_tokens: 10,
        total_tokens: 19,
        prompt_tokens_details: { cached_tokens: 1, audio_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 4 },
      },
      {
        inputTotal: 9,
        inputUncached: 6,
        inputCacheRead: 1,
        inputAudio: 2,
        outputTotal: 10,
        outputText: 3,
        outputReasoning: 3,
        outputAudio: 4,
      },
    ],
    [
      "a figure that is no count leaves its total unknown (mutant: take it for none)",
      {
        prompt_tokens: 9,
        completion_tokens: 10,
        prompt_tokens_details: { cached_tokens: -1 },
        completion_tokens_details: { reasoning_tokens: 1.5 },
      },
      {},
    ],
    [
      "a cache write is one too (OpenRouter)",
      {
        prompt_tokens: 2649,
        completion_tokens: 100,
        prompt_tokens_details: { cached_tokens: 2569, cache_write_tokens: 79 },
      },
      { inputTotal: 2649, inputUncached: 1, inputCacheRead: 2569, inputCacheWrite5m: 79, outputTotal: 100 },
    ],
    [
      "DeepSeek's words",
      { prompt_tokens: 416, completion_tokens: 48, prompt_cache_hit_tokens: 256, prompt_cache_miss_tokens: 160 },
      { inputTotal: 416, inputUncached: 160, inputCacheRead: 256, outputTotal: 48 },
    ],
    [
      "Mistral's word",
      { prompt_tokens: 997, completion_tokens: 155, num_cached_tokens: 976 },
      { inputTotal: 997, inputUncached: 21, inputCacheRead: 976, outputTotal: 155 },
    ],
    [
      "Together's word, and null details",
      {
        prompt_tokens: 41,
        completion_tokens: 15,
        cached_tokens: 0,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      { inputTotal: 41, inputUncached: 41, inputCacheRead: 0, outputTotal: 15 },
    ],
    [
      "reasoning beside the completion (xAI)",
      {
        prompt_tokens: 12,
        completion_tokens: 1,
        total_tokens: 241,
        completion_tokens_details: { reasoning_tokens: 228 },
      },
      { inputTotal: 12, outputTotal: 229, outputText: 1, outputReasoning: 228 },
    ],
    [
      "hidden output nobody names (Gemini)",
      { prompt_tokens: 35, completion_tokens: 12, total_tokens: 109 },
      { inputTotal: 35, outputTotal: 74 },
    ],
    [
      "pictures that were read from the cache are counted there",
      { prompt_tokens: 504, completion_tokens: 91, prompt_tokens_details: { cached_tokens: 370, image_tokens: 256 } },
      { inputTotal: 504, inputUncached: 134, inputCacheRead: 370, outputTotal: 91 },
    ],
    [
      "more from the cache than there is leaves the rest unknown",
      { prompt_tokens: 298, completion_tokens: 14, prompt_tokens_details: { cached_tokens: 387 } },
      { inputTotal: 298, inputCacheRead: 387, outputTotal: 14 },
    ],
    ["what is no count is none", { prompt_tokens: "9", completion_tokens: -1, total_tokens: 1.5 }, {}],
  ])("%s", (_, reported, expected) => {
    expect(buckets(reported)).toEqual(expected);
  });

  test("what is billed beside tokens is kept, if any was used", () => {
    expect(
      readUsage({ server_tool_use_details: { web_search_requests: 3 }, num_sources_used: 0 }).extras,
    ).toMatchObject([{ name: "web_search_requests", quantity: 3 }]);
  });

  test("buckets add up to their totals where all are told (mutant: leave the cache in the rest)", () => {
    const part = fc.nat(1000);
    fc.assert(
      fc.property(part, part, part, part, part, part, (uncached, cached, written, audio, text, reasoning) => {
        const found = buckets({
          prompt_tokens: uncached + cached + written + audio,
          completion_tokens: text + reasoning,
          total_tokens: uncached + cached + written + audio + text + reasoning,
          prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written, audio_tokens: audio },
          completion_tokens_details: { reasoning_tokens: reasoning },
        });
        expect(found).toMatchObject({
          inputUncached: uncached,
          inputCacheRead: cached,
          inputCacheWrite5m: written,
          inputAudio: audio,
        });
        expect(found).toMatchObject({ outputText: text, outputReasoning: reasoning });
      }),
    );
  });

  test("has grown if a figure is higher and none lower", () => {
    const at = (prompt_tokens: number, completion_tokens: number) => readUsage({ prompt_tokens, completion_tokens });
    expect(hasGrown(undefined, at(1, 1))).toBe(true);
    expect(hasGrown(at(1, 1), at(1, 1))).toBe(false);
    expect(hasGrown(at(1, 1), at(1, 2))).toBe(true);
    expect(hasGrown(at(2, 1), at(1, 2))).toBe(false);
  });
});

describe("the provider's own cost", () => {
  // Mutants seen red: read from the parsed number, without a bound, ticks rounded down, ticks of 0 taken for a cost of 0.
  test.each([
    ["OpenRouter's", '{"prompt_tokens":1,"cost":0.00256995,"cost_details":{"upstream_inference_cost":1}}', 2_569_950n],
    ["one with more digits than a double has", '{"cost":0.0076509169000000005}', 7_650_917n],
    ["one with an exponent", '{"cost":6e-8}', 60n],
    ["one of 0", '{"cost":0}', 0n],
    ["Perplexity's", '{"cost":{"request_cost":0.005,"total_cost":0.00502}}', 5_020_000n],
    ["xAI's, in ticks of 10^-10 dollars", '{"cost_in_usd_ticks":1176500}', 117_650n],
    ["the most an int64 holds", '{"cost":9223372036.854775807}', 2n ** 63n - 1n],
    ["xAI's, of less than a nano-dollar", '{"cost_in_usd_ticks":11}', 2n],
    ["Pydantic's gateway's", '{"pydantic_ai_gateway": {"cost_estimate": 0.00012625}}', 126_250n],
    ["none", '{"prompt_tokens":1}', undefined],
    ["no ticks, which are Azure's", '{"cost_in_usd_ticks":0}', undefined],
    ["null", '{"cost":null}', undefined],
    ["more than an int64 holds", '{"cost":9223372036.854775808}', undefined],
    ["nobody's amount", '{"cost":{"total_cost":1e30}}', undefined],
    ["a text", '{"cost":"0.1"}', undefined],
    ["a negative one", '{"cost":-0.1}', undefined],
  ])("%s is read to the last digit", (_whose, json, cost) => {
    expect(providerCost(json)).toBe(cost);
  });
});

test("a search that every request is billed for is an extra by the size of its context", () => {
  expect(readUsage({ search_context_size: "low" }).extras).toMatchObject([{ name: "search_context_low", quantity: 1 }]);
  expect(readUsage({ search_context_size: "LOW context" }).extras).toEqual([]);
  expect(readUsage({ search_context_size: 3 }).extras).toEqual([]);
});
