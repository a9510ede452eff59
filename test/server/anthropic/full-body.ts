const cached = { cache_control: { type: "ephemeral", ttl: "5m" } };

/** A body with something of everything, as we write it ourselves. */
export const FULL_BODY: Readonly<Record<string, unknown>> = {
  model: "m",
  max_tokens: 10,
  system: [{ type: "text", text: "s", ...cached }],
  messages: [
    {
      role: "user",
      content: [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
        {
          type: "document",
          source: { type: "text", media_type: "text/plain", data: "d" },
          title: "t",
          citations: { enabled: true },
        },
        { type: "container_upload", file_id: "f" },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "h", signature: "s" },
        { type: "redacted_thinking", data: "d" },
        {
          type: "text",
          text: "x",
          citations: [{ type: "page_location", cited_text: "x", document_index: 0, source: "u" }],
        },
        { type: "server_tool_use", id: "s", name: "web_search", input: { q: "q" } },
        { type: "web_search_tool_result", tool_use_id: "s", content: [{ type: "text", text: "r" }], is_error: false },
        { type: "tool_use", id: "c", name: "n", input: {}, caller: { type: "direct" } },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "c",
          content: [
            { type: "text", text: "r" },
            { type: "text", text: "s" },
          ],
          is_error: true,
        },
      ],
    },
  ],
  tools: [
    { name: "n", description: "d", input_schema: { type: "object" }, strict: true, input_examples: [], ...cached },
    { type: "web_search_20250305", name: "web_search" },
  ],
  tool_choice: { type: "tool", name: "n", disable_parallel_tool_use: true },
  thinking: { type: "adaptive", display: "omitted" },
  output_config: { effort: "low", format: { type: "json_schema", schema: {} } },
  temperature: 1,
  stop_sequences: ["x"],
  metadata: { user_id: "u" },
  service_tier: "auto",
  container: "c",
  stream: true,
};
