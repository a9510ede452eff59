import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readUsage } from "../../../src/adapters/gemini/usage.ts";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";

function buckets(reported: Readonly<Record<string, unknown>>): Record<string, number> {
  const usage = readUsage(reported, 0);
  return Object.fromEntries(USAGE_BUCKETS.flatMap((name) => (usage[name] === undefined ? [] : [[name, usage[name]]])));
}

const tokens = (modality: string | number, tokenCount: number) => ({ modality, tokenCount });

describe("usage of generateContent", () => {
  test.each([
    [
      "thoughts are output beside the candidates (mutant: part of them)",
      { promptTokenCount: 9, candidatesTokenCount: 3, thoughtsTokenCount: 5, totalTokenCount: 17 },
      { inputTotal: 9, inputUncached: 9, outputTotal: 8, outputText: 3, outputReasoning: 5 },
    ],
    [
      "cached tokens are part of the prompt (mutant: beside it)",
      { promptTokenCount: 9, cachedContentTokenCount: 4, candidatesTokenCount: 3, totalTokenCount: 12 },
      { inputTotal: 9, inputCacheRead: 4, inputUncached: 5, outputTotal: 3, outputText: 3 },
    ],
    [
      "what tools gave the model is input beside the prompt (mutant: left out)",
      { promptTokenCount: 9, toolUsePromptTokenCount: 20, candidatesTokenCount: 3, totalTokenCount: 32 },
      { inputTotal: 29, inputUncached: 29, outputTotal: 3, outputText: 3 },
    ],
    [
      "a count that is left out is 0 once there is a total",
      { promptTokenCount: 9, totalTokenCount: 9 },
      { inputTotal: 9, inputUncached: 9, outputTotal: 0, outputText: 0 },
    ],
    [
      "a figure that is no count leaves its total unknown (mutant: take it for none)",
      { promptTokenCount: 9, cachedContentTokenCount: -4, candidatesTokenCount: -3, totalTokenCount: 12 },
      {},
    ],
    [
      "and so does one of the details",
      { promptTokenCount: 9, totalTokenCount: 9, promptTokensDetails: [tokens("AUDIO", -1)] },
      { outputTotal: 0, outputText: 0 },
    ],
    ["nothing is nothing", { trafficType: "ON_DEMAND" }, {}],
    [
      "sound and pictures are told apart, video and documents are as text",
      {
        promptTokenCount: 100,
        candidatesTokenCount: 50,
        totalTokenCount: 150,
        promptTokensDetails: [
          tokens("TEXT", 10),
          tokens("IMAGE", 20),
          tokens("AUDIO", 30),
          tokens("VIDEO", 25),
          tokens("DOCUMENT", 15),
        ],
        candidatesTokensDetails: [tokens("IMAGE", 40)],
      },
      {
        inputTotal: 100,
        inputImage: 20,
        inputAudio: 30,
        inputUncached: 50,
        outputTotal: 50,
        outputImage: 40,
        outputText: 10,
      },
    ],
    [
      "sound from the cache is counted there",
      {
        promptTokenCount: 100,
        cachedContentTokenCount: 60,
        totalTokenCount: 100,
        promptTokensDetails: [tokens("AUDIO", 80)],
        cacheTokensDetails: [tokens("AUDIO", 50), tokens("TEXT", 10)],
      },
      { inputTotal: 100, inputCacheRead: 60, inputAudio: 30, inputUncached: 10, outputTotal: 0, outputText: 0 },
    ],
    [
      "numbers of an enum are its words",
      { promptTokenCount: 7, totalTokenCount: 7, promptTokensDetails: [tokens(2, 3), tokens(4, 1)] },
      { inputTotal: 7, inputImage: 3, inputAudio: 1, inputUncached: 3, outputTotal: 0, outputText: 0 },
    ],
    [
      "figures that contradict each other leave the rest unknown",
      { promptTokenCount: 5, cachedContentTokenCount: 9, candidatesTokenCount: 1, totalTokenCount: 6 },
      { inputTotal: 5, inputCacheRead: 9, outputTotal: 1, outputText: 1 },
    ],
    ["what is no count is unknown", { promptTokenCount: -1, candidatesTokenCount: "3", thoughtsTokenCount: 1.5 }, {}],
  ])("%s", (_, reported, expected) => {
    expect(buckets(reported)).toEqual(expected);
  });

  test("adds up to the provider's total, whatever it reports", () => {
    const count = fc.nat(10_000);
    const details = fc.array(fc.tuple(fc.constantFrom("TEXT", "IMAGE", "AUDIO", "VIDEO"), count), { maxLength: 4 });
    fc.assert(
      fc.property(count, count, count, count, details, (prompt, candidates, thoughts, fromTools, modalities) => {
        const usage = readUsage(
          {
            promptTokenCount: prompt,
            candidatesTokenCount: candidates,
            thoughtsTokenCount: thoughts,
            toolUsePromptTokenCount: fromTools,
            totalTokenCount: prompt + candidates + thoughts + fromTools,
            promptTokensDetails: modalities.map(([modality, tokenCount]) => ({ modality, tokenCount })),
          },
          0,
        );
        expect((usage.inputTotal ?? 0) + (usage.outputTotal ?? 0)).toBe(prompt + candidates + thoughts + fromTools);
        const input = [usage.inputUncached, usage.inputCacheRead, usage.inputAudio, usage.inputImage];
        if (usage.inputUncached !== undefined)
          expect(input.reduce((sum: number, one) => sum + (one ?? 0), 0)).toBe(usage.inputTotal);
      }),
    );
  });

  test.each([
    ["the Gemini API's word of the tier", { serviceTier: "flex" }, "flex"],
    ["Vertex AI's word of the traffic", { trafficType: "PROVISIONED_THROUGHPUT" }, "PROVISIONED_THROUGHPUT"],
    ["the number of a word (mutant: none)", { trafficType: 1 }, "ON_DEMAND"],
    ["a number nobody knows, so that no price is taken for it", { trafficType: 77 }, "77"],
    ["nothing where it is not said", {}, ""],
    ["nothing where it is unspecified", { serviceTier: "unspecified", trafficType: 0 }, ""],
    ["nothing of a traffic that is unspecified", { trafficType: "TRAFFIC_TYPE_UNSPECIFIED" }, ""],
  ])("says which tier is billed: %s", (_, reported, tier) => {
    expect(readUsage({ totalTokenCount: 1, ...reported }, 0).serviceTier).toBe(tier);
  });

  test("counts searches, which are billed by number", () => {
    expect(readUsage({ totalTokenCount: 1 }, 2).extras).toMatchObject([{ name: "web_search_queries", quantity: 2 }]);
    expect(readUsage({ totalTokenCount: 1 }, 0).extras).toEqual([]);
  });
});
