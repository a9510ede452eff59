import type { HandWorked } from "./by-hand.ts";

/** Usage of Anthropic's messages. A dollar a million is 1,000 nano-USD a token. */
export const messagesByHand: readonly HandWorked[] = [
  // 18 at 3 = 54,000; 2055 written at 3.75 = 7,706,250; 100 at 15 = 1,500,000.
  {
    api: "anthropic-messages",
    id: "anthropic-completion-cache-write-ffb93",
    buckets: { inputTotal: 2073, outputTotal: 100, inputUncached: 18, inputCacheWrite5m: 2055 },
    cost: 9_260_250n,
  },
  // 6 at 3 = 18,000; 85 written at 3.75 = 318,750; 1069 read at 0.30 = 320,700; 110 at 15 = 1,650,000.
  {
    api: "anthropic-messages",
    id: "test-anthropic-to-google-deferred-capability-history-replay-0255f-s3of5",
    buckets: { inputTotal: 1160, outputTotal: 110, inputUncached: 6, inputCacheRead: 1069, inputCacheWrite5m: 85 },
    cost: 2_307_450n,
  },
  // 9 at 0.80 = 7,200; 1 written at 1 = 1,000; 2 read at 0.08 = 160; 21 at 4 = 84,000.
  {
    api: "anthropic-messages",
    id: "testtokencounts-test-anthropic-92e2e",
    buckets: { inputTotal: 12, outputTotal: 21, inputUncached: 9, inputCacheRead: 2, inputCacheWrite5m: 1 },
    cost: 92_360n,
  },
  // 401468 at 3 = 1,204,404,000; 792 at 15 = 11,880,000; 10 searches at 0.01 = 100,000,000.
  {
    api: "anthropic-messages",
    id: "test-pause-turn-web-search-vcr-3f5ad-s1of2",
    buckets: { inputTotal: 401468, outputTotal: 792, inputUncached: 401468 },
    extras: { web_search_requests: 10 },
    cost: 1_316_284_000n,
  },
  // 598 at 1 = 598,000; 92 at 5 = 460,000.
  {
    api: "anthropic-messages",
    id: "test-fixed-version-tool-chain-with-thinking-display-regression-ff3d1-s1of2",
    buckets: { inputTotal: 598, outputTotal: 92, inputUncached: 598, outputText: 39, outputReasoning: 53 },
    cost: 1_058_000n,
  },
  // 22 at 3 = 66,000; 15 at 15 = 225,000.
  {
    api: "anthropic-messages",
    id: "anthropic-v1-messages-post-4ff9791e-4884e",
    buckets: { inputTotal: 22, outputTotal: 15, inputUncached: 22 },
    cost: 291_000n,
  },
  // 18 at 10 = 180,000; 5 at 50 = 250,000.
  {
    api: "anthropic-messages",
    id: "anthropic-refusal-no-details-57ead",
    buckets: { inputTotal: 18, outputTotal: 5, inputUncached: 18 },
    cost: 430_000n,
  },
  // 10423 at 15 = 156,345,000; 341 at 75 = 25,575,000; a search at 0.01 = 10,000,000.
  {
    api: "anthropic-messages",
    id: "test-web-search-a1f53",
    buckets: { inputTotal: 10423, outputTotal: 341, inputUncached: 10423 },
    extras: { web_search_requests: 1 },
    cost: 191_920_000n,
  },
  // 4727 at 3 = 14,181,000; 3391 at 15 = 50,865,000; of the advisor, Opus 4.7, 2728 at 5 = 13,640,000 and 3880 at 25 = 97,000,000.
  {
    api: "anthropic-messages",
    id: "anthropic-advisor-20250301-1-ced5b",
    buckets: { inputTotal: 4727, outputTotal: 3391, inputUncached: 4727 },
    extras: {
      "advisor_message/claude-opus-4-7/input_tokens": 2728,
      "advisor_message/claude-opus-4-7/output_tokens": 3880,
    },
    cost: 175_686_000n,
  },
  // 682 + 60385 of a compaction at 5 = 305,335,000; 1320 + 592 at 25 = 47,800,000.
  {
    api: "anthropic-messages",
    id: "anthropic-compaction-1-303a8",
    buckets: { inputTotal: 61_067, outputTotal: 1912, inputUncached: 61_067 },
    cost: 353_135_000n,
  },
];
