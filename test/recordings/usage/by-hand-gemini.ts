import type { HandWorked } from "./by-hand.ts";

/** Usage of generateContent. A dollar a million is 1,000 nano-USD a token. */
export const geminiByHand: readonly HandWorked[] = [
  // 13 at 0.30 = 3,900; 9609 read at 0.03 = 288,270; 171 at 2.50 = 427,500.
  {
    api: "gemini-generate",
    id: "cachedcontent-explicit-caching-round-trip-gemini-gemini-2-5-flash-creates-uses-extends-and-27108-s2of4",
    buckets: {
      inputTotal: 9622,
      outputTotal: 171,
      inputUncached: 13,
      inputCacheRead: 9609,
      outputText: 35,
      outputReasoning: 136,
    },
    cost: 719_670n,
  },
  // 85 + 149 = 234 at 1.50 = 351,000; 209 at 9 = 1,881,000.
  {
    api: "gemini-generate",
    id: "chat-code-execution-with-gemini-gemini-3-5-flash-runs-code-server-side-and-replays-the-tur-78810-s1of2",
    buckets: { inputTotal: 234, outputTotal: 209, outputText: 122, outputReasoning: 87, inputUncached: 234 },
    cost: 2_232_000n,
  },
  // 521 at 1.25 = 651,250; 429 at 10 = 4,290,000.
  {
    api: "gemini-generate",
    id: "test-generate-content-with-files-ec393",
    buckets: {
      inputTotal: 521,
      outputTotal: 429,
      inputUncached: 5,
      inputImage: 516,
      outputText: 5,
      outputReasoning: 424,
    },
    cost: 4_941_250n,
  },
  // 108 at 0.30 = 32,400; 220 read at 0.03 = 6,600; 39 at 2.50 = 97,500.
  {
    api: "gemini-generate",
    id: "test-multimodal-tool-return-matrix-tool-return-content-url-document-google-2-5-b27c3-s3of3",
    buckets: { inputTotal: 328, outputTotal: 39, inputUncached: 108, inputCacheRead: 220, outputText: 39 },
    cost: 136_500n,
  },
  // 61 at 0.30 = 18,300.
  {
    api: "gemini-stream",
    id: "constructed-malformed-function-call-shared-stream",
    buckets: { inputTotal: 61, inputUncached: 61 },
    cost: 18_300n,
  },
  // 17 at 0.15 = 2,550; 6 at 0.60 = 3,600 (Vertex AI).
  {
    api: "gemini-generate",
    id: "non-streaming-tests-chat-afc-enabled-chat-afc-enabled-with-default-max-calls-vertex-ai-cha-372f2-s1of3",
    buckets: { inputTotal: 17, outputTotal: 6, inputUncached: 17, outputText: 6 },
    cost: 6_150n,
  },
];
