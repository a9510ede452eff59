import { describe, expect, test } from "@jest/globals";
import { CacheTtl, ImageDetail, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { parseChatCompletion } from "../../../src/server/openai/chat-completions.ts";
import { parsed, refused } from "./parse.ts";

const only = (message: object) => parsed({ messages: [message] }).messages[0];
const partsOf = (message: object) => only(message)?.parts ?? [];
const contentOf = (part: object) => partsOf({ role: "user", content: [part] })[0];
const fieldOf = (message: object) => refused({ messages: [message] }).field;
const decoded = (data: Uint8Array | undefined) => new TextDecoder().decode(data);

describe("messages", () => {
  test("of every role keep their order and names", () => {
    const { messages } = parsed({
      messages: [
        { role: "system", content: "a" },
        { role: "developer", content: [{ type: "text", text: "b" }] },
        { role: "user", content: "c", name: "ann", tool_calls: [] },
        { role: "assistant", content: null },
        { role: "tool", content: "d", tool_call_id: "t", name: "f" },
      ],
    });
    expect(messages.map(({ role }) => role)).toEqual([
      MessageRole.SYSTEM,
      MessageRole.DEVELOPER,
      MessageRole.USER,
      MessageRole.ASSISTANT,
      MessageRole.TOOL,
    ]);
    expect(messages[2]?.name).toBe("ann");
    expect(messages[3]?.parts).toEqual([]);
    expect(messages[4]?.parts[0]?.kind).toMatchObject({
      case: "toolResult",
      value: { toolCallId: "t", name: "f", parts: [{ kind: { value: { text: "d" } } }] },
    });
  });

  test("tell an empty text from none", () => {
    expect(partsOf({ role: "assistant", content: "" })).toMatchObject([
      { kind: { case: "text", value: { text: "" } } },
    ]);
    expect(partsOf({ role: "assistant", content: [] })).toEqual([]);
  });

  test.each([
    [{ role: "robot", content: "x" }, "messages[0].role"],
    [{ role: "function", content: "x", name: "f" }, "messages[0].role"],
    [{ content: "x" }, "messages[0].role"],
    [{ role: "user" }, "messages[0].content"],
    [{ role: "user", content: 5 }, "messages[0].content"],
    [{ role: "user", content: "x", mood: 1 }, "messages[0].mood"],
    [{ role: "user", content: "x", prefix: true }, "messages[0].prefix"],
    [{ role: "user", content: "x", tool_calls: [{}] }, "messages[0].tool_calls"],
    [{ role: "system", content: [{ type: "image_url", image_url: { url: "u" } }] }, "messages[0].content[0].type"],
    [{ role: "user", content: [{ type: "video_url" }] }, "messages[0].content[0].type"],
    [{ role: "user", content: [{ type: "text", text: "x", bold: true }] }, "messages[0].content[0].bold"],
    [{ role: "user", content: "\ud800" }, "messages[0].content"],
    [{ role: "tool", content: "x" }, "messages[0].tool_call_id"],
    [{ role: "assistant", function_call: { name: "f" } }, "messages[0].function_call"],
    [
      { role: "assistant", tool_calls: [{ id: "a", function: { name: "f" } }] },
      "messages[0].tool_calls[0].function.arguments",
    ],
    [{ role: "assistant", reasoning: "a", reasoning_content: "b" }, "messages[0].reasoning"],
  ])("refuse %j at %s", (message, field) => {
    expect(fieldOf(message)).toBe(field);
  });
});

describe("user content", () => {
  test("holds images by URL, data URL or bare text", () => {
    const kind = (image: unknown) => contentOf({ type: "image_url", image_url: image })?.kind.value;
    expect(kind({ url: "https://a/b.png", detail: "low" })).toMatchObject({
      source: { case: "url", value: "https://a/b.png" },
      detail: ImageDetail.LOW,
    });
    expect(kind("data:image/png;base64,cG5n")).toMatchObject({ source: { case: "data" }, mimeType: "image/png" });
    for (const url of [
      "data:image/png,raw",
      "data:;base64,cG5n",
      "data:image/png;base64,c G5n",
      "data:image/png;base64,abcde",
      "",
    ]) {
      expect(fieldOf({ role: "user", content: [{ type: "image_url", image_url: { url } }] })).toMatch(
        /image_url\.url$/,
      );
    }
  });

  test("holds files, documents and sound", () => {
    expect(
      contentOf({ type: "file", file: { file_data: "data:application/pdf;base64,cGRm", filename: "a.pdf" } })?.kind,
    ).toMatchObject({
      case: "document",
      value: { mimeType: "application/pdf", filename: "a.pdf" },
    });
    expect(contentOf({ type: "file", file: { file_id: "f" } })?.kind.value).toMatchObject({
      owner: "openai",
      fileId: "f",
    });
    expect(contentOf({ type: "file", file_id: "f" })?.kind.value).toMatchObject({ owner: "mistral" });
    expect(
      contentOf({ type: "document_url", document_url: "https://a/b", document_name: "n" })?.kind.value,
    ).toMatchObject({
      source: { value: "https://a/b" },
      filename: "n",
    });
    expect(contentOf({ type: "input_audio", input_audio: { data: "eA==", format: "mp3" } })?.kind.value).toMatchObject({
      mimeType: "audio/mpeg",
    });
    // Mutant seen red: the word looked up without asking whether it is the table's own.
    expect(
      contentOf({ type: "input_audio", input_audio: { data: "eA==", format: "constructor" } })?.kind.value,
    ).toMatchObject({ mimeType: "audio/constructor" });
    expect(
      fieldOf({ role: "user", content: [{ type: "file", file: { file_id: "f", file_data: "data:a/b;base64,eA==" } }] }),
    ).toBe("messages[0].content[0].file");
  });

  test("holds cache hints in both forms", () => {
    expect(
      contentOf({ type: "text", text: "t", cache_control: { type: "ephemeral", ttl: "1h" } })?.cacheHint?.ttl,
    ).toBe(CacheTtl.ONE_HOUR);
    expect(contentOf({ type: "text", text: "t", prompt_cache_breakpoint: { mode: "explicit" } })?.cacheHint?.ttl).toBe(
      CacheTtl.UNSPECIFIED,
    );
    expect(fieldOf({ role: "user", content: [{ type: "text", text: "t", cache_control: { type: "forever" } }] })).toBe(
      "messages[0].content[0].cache_control.type",
    );
  });
});

describe("an assistant turn", () => {
  test("is reasoning, content, refusal, then calls", () => {
    const parts = partsOf({
      role: "assistant",
      reasoning_content: "why",
      content: "so",
      refusal: "no",
      audio: { id: "a" },
      annotations: [],
      tool_calls: [
        { id: "1", type: "function", function: { name: "f", arguments: '{"a": 1.0}' }, index: 0 },
        { id: "2", type: "custom", custom: { name: "g", input: "x" } },
      ],
    });
    expect(parts.map(({ kind }) => kind.case)).toEqual([
      "reasoning",
      "text",
      "refusal",
      "audio",
      "toolCall",
      "toolCall",
    ]);
    expect(parts[4]?.kind.value).toMatchObject({ id: "1", name: "f", argumentsJson: '{"a": 1.0}', freeForm: false });
    expect(parts[5]?.kind.value).toMatchObject({ argumentsJson: "x", freeForm: true });
  });

  test("keeps thinking parts where they stand, and reasoning under any name", () => {
    const thinking = {
      type: "thinking",
      thinking: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
    };
    const parts = partsOf({ role: "assistant", content: [{ type: "text", text: "x" }, thinking] });
    expect(parts.map(({ kind }) => kind.value)).toMatchObject([{ text: "x" }, { text: "ab" }]);
    expect(partsOf({ role: "assistant", reasoning: "r", reasoning_content: "r" })).toHaveLength(1);
  });

  test("keeps state as it was written, for the vendor whose it is", () => {
    const details = '[{"type":"reasoning.encrypted","n":12345678901234567890,"1":0}]';
    const body = `{"model":"m","messages":[{"role":"assistant","reasoning_details":${details},"tool_calls":[
      {"id":"1","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"s":1.0}}}]}]}`;
    const [state, call] = parseChatCompletion(body).request.messages[0]?.parts ?? [];
    expect(state?.kind.case).toBeUndefined();
    expect(state?.providerState[0]).toMatchObject({ owner: "openrouter", kind: "reasoning_details" });
    expect(decoded(state?.providerState[0]?.data)).toBe(details);
    expect(call?.providerState[0]).toMatchObject({ owner: "gemini", kind: "extra_content" });
    expect(decoded(call?.providerState[0]?.data)).toBe('{"google":{"s":1.0}}');
  });

  test("keeps citations with its text", () => {
    const annotation = { type: "url_citation", url_citation: { url: "https://a", title: "A" } };
    const [part] = partsOf({ role: "assistant", content: "x", annotations: [annotation] });
    expect(part?.kind.value).toMatchObject({
      citations: [{ url: "https://a", title: "A", rawJson: JSON.stringify(annotation) }],
    });
  });

  test("may be one to continue", () => {
    expect(only({ role: "assistant", content: "The", prefix: true })?.prefix).toBe(true);
    expect(only({ role: "assistant", content: "The", partial: true })?.prefix).toBe(true);
    expect(only({ role: "assistant", content: "The", prefix: false })?.prefix).toBe(false);
  });
});
