import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createReportedUsage } from "../../../src/adapters/anthropic/reported-usage.ts";
import { readUsage } from "../../../src/adapters/anthropic/usage.ts";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";

type Reported = Readonly<Record<string, unknown>>;

function buckets(reported: Reported): Record<string, number> {
  const usage = readUsage(reported);
  return Object.fromEntries(USAGE_BUCKETS.flatMap((name) => (usage[name] === undefined ? [] : [[name, usage[name]]])));
}

function extras(reported: Reported): string[] {
  return readUsage(reported).extras.map(({ name, quantity }) => `${name} ${quantity}`);
}

function merged(...objects: readonly string[]): string | undefined {
  const reported = createReportedUsage();
  for (const text of objects) reported.add(text);
  return reported.text();
}

describe("usage of the Messages API", () => {
  test.each([
    [
      "input_tokens leave the cache out, so that it is added (mutant: take them for the total)",
      { input_tokens: 9, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 3 },
      {
        inputTotal: 129,
        inputUncached: 9,
        inputCacheRead: 100,
        inputCacheWrite5m: 20,
        outputTotal: 3,
      },
    ],
    [
      "writes are told apart by their lifetime",
      {
        input_tokens: 9,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
        output_tokens: 3,
      },
      {
        inputTotal: 39,
        inputUncached: 9,
        inputCacheRead: 0,
        inputCacheWrite5m: 10,
        inputCacheWrite1h: 20,
        outputTotal: 3,
      },
    ],
    [
      "a total that has outgrown the split of the beginning is of five minutes",
      {
        input_tokens: 1,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      },
      { inputTotal: 51, inputUncached: 1, inputCacheWrite5m: 30, inputCacheWrite1h: 20 },
    ],
    [
      "and of an hour where there was nothing else",
      {
        input_tokens: 1,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 20 },
      },
      { inputTotal: 51, inputUncached: 1, inputCacheWrite5m: 0, inputCacheWrite1h: 50 },
    ],
    [
      "a split without a total is one (other vendors)",
      { input_tokens: 1, cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 0 } },
      { inputTotal: 5, inputUncached: 1, inputCacheWrite5m: 4, inputCacheWrite1h: 0 },
    ],
    [
      "thinking is told apart where the answer does",
      { input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } },
      { inputTotal: 1, inputUncached: 1, outputTotal: 50, outputText: 10, outputReasoning: 40 },
    ],
    [
      "more thinking than output leaves the total alone",
      { input_tokens: 1, output_tokens: 5, output_tokens_details: { thinking_tokens: 40 } },
      { inputTotal: 1, inputUncached: 1, outputTotal: 5 },
    ],
    [
      "passes of a server's tool loop are in the figures already (mutant: add every iteration)",
      {
        input_tokens: 30,
        output_tokens: 12,
        iterations: [
          { type: "message", input_tokens: 10, output_tokens: 5 },
          { type: "message", input_tokens: 20, output_tokens: 7 },
        ],
      },
      { inputTotal: 30, inputUncached: 30, outputTotal: 12 },
    ],
    [
      "a compaction is not, and is added (mutant: leave iterations out)",
      {
        input_tokens: 682,
        cache_read_input_tokens: 0,
        output_tokens: 1320,
        output_tokens_details: { thinking_tokens: 20 },
        iterations: [
          { type: "compaction", input_tokens: 60_000, cache_read_input_tokens: 385, output_tokens: 592 },
          { type: "message", input_tokens: 682, output_tokens: 1320 },
        ],
      },
      {
        inputTotal: 61_067,
        inputUncached: 60_682,
        inputCacheRead: 385,
        outputTotal: 1912,
        outputText: 1892,
        outputReasoning: 20,
      },
    ],
    [
      "null is not known",
      { input_tokens: 1, cache_read_input_tokens: null, cache_creation: null, output_tokens: null, iterations: null },
      { inputTotal: 1, inputUncached: 1 },
    ],
    [
      "a figure that is no count leaves its total unknown (mutant: take it for none)",
      { input_tokens: 100, cache_read_input_tokens: -10, output_tokens: 5 },
      { inputUncached: 100, outputTotal: 5 },
    ],
    [
      "so does a sum of more than the type holds (mutant: the passes after it count from nothing)",
      {
        input_tokens: 4_294_967_295,
        cache_read_input_tokens: 4_294_967_295,
        output_tokens: 1,
        iterations: [{ type: "compaction", input_tokens: 7, output_tokens: 1 }],
      },
      { inputCacheRead: 4_294_967_295, outputTotal: 2 },
    ],
    ["what is no count is none", { input_tokens: "9", output_tokens: -1, cache_creation_input_tokens: 1.5 }, {}],
  ])("%s", (_, reported, expected) => {
    expect(buckets(reported)).toEqual(expected);
  });

  test("requests beside tokens are extras, if there were any", () => {
    const server_tool_use = { web_search_requests: 2, web_fetch_requests: 3, unused_requests: 0 };
    expect(extras({ input_tokens: 1, server_tool_use })).toEqual(["web_search_requests 2", "web_fetch_requests 3"]);
  });

  test("an advisor is another model: its tokens are extras, not the answer's (mutant: add them to the buckets)", () => {
    const reported = {
      input_tokens: 30,
      output_tokens: 12,
      iterations: [
        { type: "message", input_tokens: 30, output_tokens: 12 },
        {
          type: "advisor_message",
          model: "claude-opus-4-8",
          input_tokens: 2500,
          cache_read_input_tokens: 0,
          output_tokens: 20,
        },
      ],
    };
    expect(buckets(reported)).toEqual({ inputTotal: 30, inputUncached: 30, outputTotal: 12 });
    expect(extras(reported)).toEqual([
      "advisor_message/claude-opus-4-8/input_tokens 2500",
      "advisor_message/claude-opus-4-8/output_tokens 20",
    ]);
  });

  test("buckets add up to their totals where all are told (mutant: leave the cache out of the total)", () => {
    const part = fc.nat(1000);
    fc.assert(
      fc.property(part, part, part, part, part, part, (fresh, read, short, long, said, thought) => {
        const found = buckets({
          input_tokens: fresh,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: short + long,
          cache_creation: { ephemeral_5m_input_tokens: short, ephemeral_1h_input_tokens: long },
          output_tokens: said + thought,
          output_tokens_details: { thinking_tokens: thought },
        });
        expect(found).toEqual({
          inputTotal: fresh + read + short + long,
          inputUncached: fresh,
          inputCacheRead: read,
          inputCacheWrite5m: short,
          inputCacheWrite1h: long,
          outputTotal: said + thought,
          outputText: said,
          outputReasoning: thought,
        });
      }),
    );
  });
});

describe("the usage object of an answer", () => {
  test("has the latest of each member, where it first was (mutant: the last object alone)", () => {
    expect(
      merged('{"input_tokens":1,"output_tokens":1,"speed":"fast"}', '{"output_tokens": 20,"iterations":[1]}'),
    ).toBe('{"input_tokens":1,"output_tokens":20,"speed":"fast","iterations":[1]}');
  });

  test("keeps what it knows where a later one says null", () => {
    expect(merged('{"input_tokens":1,"speed":null}', '{"input_tokens":null,"speed":null}')).toBe(
      '{"input_tokens":1,"speed":null}',
    );
  });

  test("is none before one came", () => {
    expect(merged()).toBeUndefined();
  });
});

// Mutants seen red: the tier not read; speed and region not read, so that what costs more is priced as standard.
test.each([
  [{ service_tier: "priority" }, "priority"],
  [{ service_tier: null }, ""],
  [{ service_tier: "standard", speed: "standard", inference_geo: "global" }, "standard"],
  [{ service_tier: "standard", speed: null, inference_geo: "not_available" }, "standard"],
  [{ service_tier: "standard", speed: "fast" }, "standard+fast"],
  [{ service_tier: "priority", inference_geo: "us" }, "priority+us"],
  [{ speed: "fast", inference_geo: "us" }, "fast+us"],
])("a usage has what was served and is billed, in Anthropic's words: %j", (reported, serviceTier) => {
  expect(readUsage({ input_tokens: 1, ...reported }).serviceTier).toBe(serviceTier);
});
