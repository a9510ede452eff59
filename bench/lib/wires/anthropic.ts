import { type BenchWire, prompt, wordAt } from "./wire.ts";

/** Anthropic's messages: a message and a block begin, one `content_block_delta` a chunk, then both end and the usage is told. */
export const anthropicWire: BenchWire = {
  name: "anthropic",
  basePath: "",
  pathOf: () => "/v1/messages",
  bodyOf: (model) =>
    JSON.stringify({ model, max_tokens: 1024, messages: [{ role: "user", content: prompt }], stream: true }),
  lastWords: "message_stop",
  answer: (chunks) => ({
    opening:
      event({
        type: "message_start",
        message: {
          id: "msg_01BenchBenchBenchBenchBenc",
          type: "message",
          role: "assistant",
          model: "claude-bench-20260101",
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 12, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 },
        },
      }) +
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) +
      event({ type: "ping" }),
    pieces: Array.from({ length: chunks }, (_, index) =>
      event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: wordAt(index) } }),
    ),
    ending:
      event({ type: "content_block_stop", index: 0 }) +
      event({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: chunks },
      }) +
      event({ type: "message_stop" }),
  }),
};

function event(data: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
