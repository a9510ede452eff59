import { type BenchWire, prompt, wordAt } from "./wire.ts";

/** Gemini's `streamGenerateContent` as an event stream: each chunk is a whole response with the usage so far, and lines end in CRLF. */
export const geminiWire: BenchWire = {
  name: "gemini",
  basePath: "/v1beta",
  pathOf: (model) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
  bodyOf: () => JSON.stringify({ contents: [{ role: "user", parts: [{ text: prompt }] }] }),
  lastWords: '"finishReason":"STOP"',
  answer: (chunks) => ({
    opening: "",
    pieces: Array.from({ length: chunks }, (_, index) => chunk(wordAt(index), index + 1)),
    ending: chunk("", chunks, { finishReason: "STOP" }),
  }),
};

function chunk(text: string, tokens: number, end: object = {}): string {
  const data = {
    candidates: [{ content: { parts: [{ text }], role: "model" }, ...end, index: 0 }],
    usageMetadata: {
      promptTokenCount: 12,
      candidatesTokenCount: tokens,
      totalTokenCount: 12 + tokens,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 12 }],
    },
    modelVersion: "gemini-bench",
    responseId: "BenchBenchBenchBenchBe",
  };
  return `data: ${JSON.stringify(data)}\r\n\r\n`;
}
