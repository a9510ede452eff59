import type { HandWorked } from "./by-hand.ts";

/** Usage of chat completions. A dollar a million is 1,000 nano-USD a token, so that "241 at 1.25" is 241 x 1,250. */
export const chatByHand: readonly HandWorked[] = [
  // 241 at 1.25 = 301,250; 214 at 10 = 2,140,000.
  {
    api: "openai-chat",
    id: "chat-completion-custom-tool-call-86c76",
    buckets: { inputTotal: 241, outputTotal: 214, inputUncached: 241, outputText: 22, outputReasoning: 192 },
    cost: 2_441_250n,
  },
  // 1118 at 10 = 11,180,000; 16 at 30 = 480,000.
  {
    api: "openai-chat",
    id: "chat-completion-image-input-64ff3",
    buckets: { inputTotal: 1118, outputTotal: 16 },
    cost: 11_660_000n,
  },
  // 68 at 2.50 = 170,000; 1152 at 1.25 = 1,440,000; 100 at 10 = 1,000,000.
  {
    api: "openai-chat",
    id: "chat-completion-prompt-caching-cache-read-18b7c",
    buckets: { inputTotal: 1220, outputTotal: 100, inputUncached: 68, inputCacheRead: 1152, outputText: 100 },
    cost: 2_610_000n,
  },
  // 1421 at 2.50 = 3,552,500; 100 at 10 = 1,000,000.
  {
    api: "openai-chat",
    id: "chat-completion-stream-prompt-caching-cache-write-2357c",
    buckets: { inputTotal: 1421, outputTotal: 100, inputUncached: 1421, outputText: 100 },
    cost: 4_552_500n,
  },
  // 21 at 0.05 = 1,050; 280 at 0.40 = 112,000.
  {
    api: "openai-chat",
    id: "chat-json-mode-03959",
    buckets: { inputTotal: 21, outputTotal: 280, inputUncached: 21, outputText: 24, outputReasoning: 256 },
    cost: 113_050n,
  },
  // 2245 at 0.05 = 112,250; 100 at 0.40 = 40,000.
  {
    api: "openai-chat",
    id: "chat-multimodal-91eb0",
    buckets: { inputTotal: 2245, outputTotal: 100, inputUncached: 2245, outputReasoning: 100 },
    cost: 152_250n,
  },
  // 22 at 0.15 = 3,300; 6 at 0.60 = 3,600; 12 of sound at 20 = 240,000.
  {
    api: "openai-chat",
    id: "chat-text-to-audio-95a0c",
    buckets: { inputTotal: 22, outputTotal: 18, inputUncached: 22, outputText: 6, outputAudio: 12 },
    cost: 246_900n,
  },
  // 12 at 1.10 = 13,200; 30 at 4.40 = 132,000.
  {
    api: "openai-chat",
    id: "completion-reasoning-6fc5f",
    buckets: { inputTotal: 12, outputTotal: 30, inputUncached: 12, outputText: 15, outputReasoning: 15 },
    cost: 145_200n,
  },
  // 85 at 0.50 = 42,500; 38 at 1.50 = 57,000.
  {
    api: "openai-chat",
    id: "completion-multiple-choices-with-tools-2c498",
    buckets: { inputTotal: 85, outputTotal: 38, inputUncached: 85, outputText: 38 },
    cost: 99_500n,
  },
  // 85 at 0.50 = 42,500; 43 at 1.50 = 64,500.
  {
    api: "openai-chat",
    id: "completion-stream-multiple-choices-with-tools-17ac3",
    buckets: { inputTotal: 85, outputTotal: 43, inputUncached: 85, outputText: 43 },
    cost: 107_000n,
  },
  // 89 at 0.15 = 13,350; 1408 at 0.075 = 105,600; 1037 at 0.60 = 622,200.
  {
    api: "openai-chat",
    id: "test-openai-9d7a8",
    buckets: { inputTotal: 1497, outputTotal: 1037, inputUncached: 89, inputCacheRead: 1408, outputText: 1037 },
    cost: 741_150n,
  },
  // 217 at 0.15 = 32,550; 141 at 0.60 = 84,600.
  {
    api: "openai-chat",
    id: "openai-chat-completions-post-0529368f-f0ba0",
    buckets: { inputTotal: 217, outputTotal: 141, inputUncached: 217, outputText: 141 },
    cost: 117_150n,
  },
  // 43 at 0.10 = 4,300; 8 at 0.40 = 3,200.
  {
    api: "openai-chat",
    id: "test-chat-history-message-dict-05370-s2of6",
    buckets: { inputTotal: 43, outputTotal: 8, inputUncached: 43, outputText: 8 },
    cost: 7_500n,
  },
  // 448 at 2.50 = 1,120,000; 62 at 10 = 620,000.
  {
    api: "openai-chat",
    id: "test-complex-agent-run-8152f-s3of3",
    buckets: { inputTotal: 448, outputTotal: 62, inputUncached: 448, outputText: 62 },
    cost: 1_740_000n,
  },
  // 70 at 0.50 = 35,000; 46 at 1.50 = 69,000.
  {
    api: "openai-chat",
    id: "test-open-ai-function-calls-tools-parallel-58792-s1of2",
    buckets: { inputTotal: 70, outputTotal: 46 },
    cost: 104_000n,
  },
  // Sound has no price with gpt-4o-mini.
  {
    api: "openai-chat",
    id: "testtokencounts-test-openai-415c1",
    buckets: {
      inputTotal: 9,
      outputTotal: 10,
      inputUncached: 6,
      inputCacheRead: 1,
      inputAudio: 2,
      outputText: 3,
      outputReasoning: 3,
      outputAudio: 4,
    },
    cost: undefined,
  },
  // 8 at 2.50 = 20,000; 5 at 10 = 50,000.
  {
    api: "openai-chat",
    id: "openai-chat-completions-post-797109e5-c54bf",
    buckets: { inputTotal: 8, outputTotal: 5, inputUncached: 8 },
    cost: 70_000n,
  },
  // 438 at 10 = 4,380,000; 16 at 30 = 480,000.
  {
    api: "openai-chat",
    id: "test-vision-34b4b-s1of3",
    buckets: { inputTotal: 438, outputTotal: 16 },
    cost: 4_860_000n,
  },
  // Its searches are billed and not reported.
  {
    api: "openai-chat",
    id: "chat-citations-with-openai-gpt-4o-mini-search-preview-returns-url-citations-when-web-searc-40711",
    buckets: { inputTotal: 13, outputTotal: 197, inputUncached: 13, outputText: 197 },
    cost: undefined,
  },
  // 10 at 0.30 = 3,000; 2 at 0.075 = 150; 229 at 0.50 = 114,500.
  {
    api: "openai-chat",
    id: "xai-text-67daf",
    buckets: {
      inputTotal: 12,
      outputTotal: 229,
      inputUncached: 10,
      inputCacheRead: 2,
      outputText: 1,
      outputReasoning: 228,
    },
    cost: 117_650n,
  },
  // 1 at 0.30 = 300; 11 at 0.075 = 825; 291 at 0.50 = 145,500.
  {
    api: "openai-chat",
    id: "xai-text-c3c19",
    buckets: {
      inputTotal: 12,
      outputTotal: 291,
      inputUncached: 1,
      inputCacheRead: 11,
      outputText: 1,
      outputReasoning: 290,
    },
    cost: 146_625n,
  },
  // 10 at 0.30 = 3,000; 2 at 0.075 = 150; 322 at 0.50 = 161,000.
  {
    api: "openai-chat",
    id: "xai-text-dfc65",
    buckets: {
      inputTotal: 12,
      outputTotal: 322,
      inputUncached: 10,
      inputCacheRead: 2,
      outputText: 2,
      outputReasoning: 320,
    },
    cost: 164_150n,
  },
  // 1 at 0.30 = 300; 290 at 0.075 = 21,750; 222 at 0.50 = 111,000.
  {
    api: "openai-chat",
    id: "xai-tool-call-28d36",
    buckets: {
      inputTotal: 291,
      outputTotal: 222,
      inputUncached: 1,
      inputCacheRead: 290,
      outputText: 26,
      outputReasoning: 196,
    },
    cost: 133_050n,
  },
  // 47 at 0.30 = 14,100; 244 at 0.075 = 18,300; 215 at 0.50 = 107,500.
  {
    api: "openai-chat",
    id: "xai-tool-call-fdbdb",
    buckets: {
      inputTotal: 291,
      outputTotal: 215,
      inputUncached: 47,
      inputCacheRead: 244,
      outputText: 26,
      outputReasoning: 189,
    },
    cost: 139_900n,
  },
  // 21 at 1 = 21,000; a search with low context = 5,000,000.
  {
    api: "openai-chat",
    id: "chat-basic-chat-functionality-perplexity-sonar-can-have-a-basic-conversation-1b093",
    buckets: { inputTotal: 9, outputTotal: 12 },
    extras: { search_context_low: 1 },
    cost: 5_021_000n,
  },
  // 9 at 2 = 18,000; 9 at 8 = 72,000; a search with low context = 6,000,000.
  {
    api: "openai-chat",
    id: "chat-with-extended-thinking-perplexity-sonar-reasoning-pro-preserves-thinking-signatures-b-78baa-s1of2",
    buckets: { inputTotal: 9, outputTotal: 9 },
    extras: { search_context_low: 1 },
    cost: 6_090_000n,
  },
  // 596 at 1 = 596,000; 75 at 5 = 375,000.
  {
    api: "openai-chat",
    id: "chat-function-calling-openrouter-claude-haiku-4-5-can-handle-multiple-tool-calls-in-a-sing-46172-s1of2",
    buckets: { inputTotal: 596, outputTotal: 75, inputUncached: 596, outputText: 75 },
    cost: 971_000n,
  },
  // 1 at 3 = 3,000; 79 written at 3.75 = 296,250; 2569 read at 0.30 = 770,700; 100 at 15 = 1,500,000.
  {
    api: "openai-chat",
    id: "test-openrouter-cache-all-settings-real-api-431bd-s2of3",
    buckets: {
      inputTotal: 2649,
      outputTotal: 100,
      inputUncached: 1,
      inputCacheRead: 2569,
      inputCacheWrite5m: 79,
      outputText: 100,
    },
    cost: 2_569_950n,
  },
  // 3 at 3 = 9,000; 2569 written at 3.75 = 9,633,750; 63 at 15 = 945,000.
  {
    api: "openai-chat",
    id: "test-openrouter-cache-all-settings-real-api-4e591-s1of3",
    buckets: { inputTotal: 2572, outputTotal: 63, inputUncached: 3, inputCacheWrite5m: 2569, outputText: 63 },
    cost: 10_587_750n,
  },
  // 3 at 3 = 9,000; 329 written at 3.75 = 1,233,750; 2240 read at 0.30 = 672,000; 100 at 15 = 1,500,000.
  {
    api: "openai-chat",
    id: "test-openrouter-cache-all-settings-real-api-919d7-s3of3",
    buckets: {
      inputTotal: 2572,
      outputTotal: 100,
      inputUncached: 3,
      inputCacheRead: 2240,
      inputCacheWrite5m: 329,
      outputText: 100,
    },
    cost: 3_414_750n,
  },
  // 16924 at 1.75 = 29,617,000; 485 at 14 = 6,790,000; 3 searches at 0.01 = 30,000,000.
  {
    api: "openai-chat",
    id: "chat-web-search-with-openrouter-openai-gpt-5-2-searches-transparently-returning-citations--1e275",
    buckets: { inputTotal: 16924, outputTotal: 485, inputUncached: 16924, outputText: 36, outputReasoning: 449 },
    extras: { web_search_requests: 3 },
    cost: 66_407_000n,
  },
  // 316 at 0.30 = 94,800; 60 at 2.50 = 150,000.
  {
    api: "openai-chat",
    id: "chat-multimodal-tool-attachments-openrouter-gemini-2-5-flash-describes-images-returned-fro-0d718-s2of2",
    buckets: { inputTotal: 316, outputTotal: 60, inputUncached: 316, outputText: 60 },
    cost: 244_800n,
  },
  // More reasoning than output: the figures contradict each other.
  {
    api: "openai-chat",
    id: "test-openrouter-stream-error-09d40",
    buckets: { inputTotal: 43, outputTotal: 10, inputUncached: 43, outputReasoning: 11 },
    cost: undefined,
  },
  // 66 at 1.25 = 82,500; 100 - 66 = 34 at 10 = 340,000.
  {
    api: "openai-chat",
    id: "test-compatible-api-with-tool-calls-without-id-09941-s2of2",
    buckets: { inputTotal: 66, outputTotal: 34 },
    cost: 422_500n,
  },
  // 35 at 1.25 = 43,750; 109 - 35 = 74 at 10 = 740,000.
  {
    api: "openai-chat",
    id: "test-compatible-api-with-tool-calls-without-id-a6c52-s1of2",
    buckets: { inputTotal: 35, outputTotal: 74 },
    cost: 783_750n,
  },
  // No prices of DeepSeek.
  {
    api: "openai-chat",
    id: "chat-function-calling-deepseek-deepseek-chat-can-handle-multiple-tool-calls-in-a-single-re-bd719-s2of2",
    buckets: { inputTotal: 416, outputTotal: 48, inputUncached: 160, inputCacheRead: 256 },
    cost: undefined,
  },
  // 178 at 0.15 = 26,700; 94 at 0.60 = 56,400.
  {
    api: "openai-chat",
    id: "test-groq-native-output-9af3a",
    buckets: { inputTotal: 178, outputTotal: 94 },
    cost: 83_100n,
  },
  // No prices of Z.ai.
  {
    api: "openai-chat",
    id: "test-zai-thinking-stream-16f1c",
    buckets: { inputTotal: 13, outputTotal: 564, inputUncached: 13, outputText: 3, outputReasoning: 561 },
    cost: undefined,
  },
  // No prices of Azure; and more is read from the cache than there is input.
  {
    api: "openai-chat",
    id: "chat-function-calling-azure-grok-4-1-fast-non-reasoning-can-handle-multiple-tool-calls-in--786d9-s2of2",
    buckets: { inputTotal: 298, outputTotal: 14, inputCacheRead: 387, outputText: 14 },
    cost: undefined,
  },
  // No prices of Hugging Face.
  {
    api: "openai-chat",
    id: "test-request-simple-usage-7159d",
    buckets: { inputTotal: 4, outputTotal: 258, inputUncached: 4 },
    cost: undefined,
  },
];
