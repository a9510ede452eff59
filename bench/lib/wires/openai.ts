import { type BenchWire, prompt, wordAt } from "./wire.ts";

/** Chat completions: one `data` event a chunk, then the finish reason, the usage and `[DONE]`. */
export const openaiWire: BenchWire = {
  name: "openai",
  basePath: "/v1",
  pathOf: () => "/v1/chat/completions",
  bodyOf: (model) =>
    JSON.stringify({
      model,
      messages: [{ role: "user", content: prompt }],
      stream: true,
      stream_options: { include_usage: true },
    }),
  lastWords: "[DONE]",
  answer: (chunks) => ({
    opening: "",
    pieces: Array.from({ length: chunks }, (_, index) => chunk({ content: wordAt(index) }, null)),
    ending: [chunk({}, "stop"), usage(chunks), "data: [DONE]\n\n"].join(""),
  }),
};

function chunk(delta: object, finishReason: string | null): string {
  return event({
    id: "chatcmpl-BenchBenchBenchBenchBenchBe",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "gpt-bench-2026-01-01",
    service_tier: "default",
    system_fingerprint: "fp_0123456789",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    usage: null,
  });
}

function usage(chunks: number): string {
  return event({
    id: "chatcmpl-Bench",
    object: "chat.completion.chunk",
    choices: [],
    usage: { prompt_tokens: 12, completion_tokens: chunks, total_tokens: 12 + chunks },
  });
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
