import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { JsonValue } from "../../emulators/exchange.ts";
import { brokenInvariants } from "../shared/invariants.ts";
import { type Decoded, decodeChunks, stop } from "./decode.ts";

/** Figures a provider should not send, among those it may. */
const FIGURES: readonly JsonValue[] = [0, 1, 4_294_967_295, 4_294_967_296, -10, 1.5, 1e30, 1e300, null, "9"];
const COUNTS = [
  "prompt_tokens",
  "completion_tokens",
  "total_tokens",
  "cached_tokens",
  "cache_write_tokens",
  "audio_tokens",
  "image_tokens",
  "reasoning_tokens",
  "num_search_queries",
  "cost",
  "cost_in_usd_ticks",
];

function check({ events, error }: Decoded): void {
  expect(error === undefined || (error as Error).name === "ExecutionError").toBe(true);
  expect(brokenInvariants(events, { step: 2, attempt: 1, outcome: error === undefined ? "success" : "error" })).toEqual(
    [],
  );
}

describe("any JSON at all", () => {
  const names = fc.constantFrom(
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "id",
    "index",
    "usage",
    "prompt_tokens",
    "logprobs",
    "audio",
    "images",
    "annotations",
    "reasoning_details",
    "extra_content",
    "finish_reason",
    "url_citation",
    "image_url",
    "type",
    "data",
    "token",
    "x_groq",
    "citations",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "large", withCrossShrink: true },
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        1.5,
        2 ** 40,
        1e300,
        "",
        "text",
        "\ud83d",
        "data:image/png;base64,AAAA",
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value"), { maxKeys: 5 }),
    ),
  }));

  test("gives well-formed events or an error of ours, never another (mutant: read fields without looking)", () => {
    const choice = fc.record(
      {
        index: fc.constantFrom<unknown>(0, 0, 1, "x"),
        delta: fc.dictionary(names, value, { maxKeys: 6 }),
        finish_reason: fc.constantFrom<unknown>(null, "stop", 3),
      },
      { requiredKeys: [] },
    );
    const chunk = fc.record(
      { choices: fc.oneof(fc.array(choice, { maxLength: 2 }), value), usage: value, x_groq: value, citations: value },
      { requiredKeys: ["choices"] },
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), (chunks) => {
        check(decodeChunks(chunks.map((one) => JSON.stringify(one))));
      }),
      { numRuns: 500 },
    );
  });

  // Mutant seen red: the provider's own cost passed on whatever it is.
  test("is a usage that can be told", () => {
    const flat = fc.dictionary(fc.constantFrom(...COUNTS), fc.constantFrom(...FIGURES));
    const nested = fc.record(
      { prompt_tokens_details: flat, completion_tokens_details: flat, server_tool_use: flat },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(flat, nested), { maxLength: 3 }), (usages) => {
        check(decodeChunks([...usages.map(([some, more]) => ({ choices: [], usage: { ...some, ...more } })), stop()]));
      }),
      { numRuns: 500 },
    );
  });
});
