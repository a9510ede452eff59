import { describe, expect, test } from "@jest/globals";
import { CacheTtl, Executor, ImageDetail, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { assistant, build, bytes, type PartInit, reasoning, refusal, text, user } from "./build.ts";

const messagesOf = (request: Parameters<typeof build>[0], target = {}) => build(request, target).body.messages;

const call = (id: string, argumentsJson: string, more = {}) => ({
  kind: { case: "toolCall" as const, value: { id, name: "f", argumentsJson, ...more } },
});
const result = (toolCallId: string, parts: PartInit[], more = {}) => ({
  kind: { case: "toolResult" as const, value: { toolCallId, parts, ...more } },
});
const state = (owner: string, kind: string, data: string) => ({ owner, kind, data: bytes(data) });
const image: PartInit = {
  kind: { case: "image", value: { source: { case: "data", value: bytes("png") }, mimeType: "image/png" } },
};

describe("messages", () => {
  test("keep their order, roles and names, and are not merged", () => {
    const messages = [
      { role: MessageRole.SYSTEM, parts: [text("a")] },
      { role: MessageRole.DEVELOPER, parts: [text("b")] },
      { role: MessageRole.USER, name: "ann", parts: [text("c")] },
      { role: MessageRole.USER, parts: [text("d"), text("e")] },
    ];
    expect(messagesOf({ messages })).toEqual([
      { role: "system", content: "a" },
      { role: "developer", content: "b" },
      { role: "user", name: "ann", content: "c" },
      {
        role: "user",
        content: [
          { type: "text", text: "d" },
          { type: "text", text: "e" },
        ],
      },
    ]);
  });

  test("carry instructions in the one role a server knows", () => {
    const messages = [{ role: MessageRole.DEVELOPER, parts: [text("b")] }, user(text("c"))];
    expect(messagesOf({ messages }, { vendor: "deepseek" })).toMatchObject([{ role: "system" }, { role: "user" }]);
  });

  test("lose the name of their participant with a warning where a server forbids it", () => {
    const messages = [{ ...user(text("c")), name: "ann" }];
    expect(build({ messages }, { vendor: "mistral" }).ignored).toEqual(["messages[0].name"]);
  });

  test("mark a prefix in the server's way, or fail", () => {
    const messages = [user(text("q")), { ...assistant(text("The")), prefix: true }];
    expect(messagesOf({ messages }, { vendor: "mistral" })).toMatchObject([{}, { content: "The", prefix: true }]);
    expect(messagesOf({ messages }, { vendor: "moonshot" })).toMatchObject([{}, { content: "The", partial: true }]);
    expect(messagesOf({ messages }, { vendor: "openrouter" })).toEqual([
      { role: "user", content: "q" },
      { role: "assistant", content: "The" },
    ]);
    const error = refusal({ messages });
    expect([error.reason, error.extras.preconditions?.[0]?.subject]).toEqual([
      "CAPABILITY_MISSING",
      "ASSISTANT_PREFIX",
    ]);
  });
});

describe("user content", () => {
  const one = (part: PartInit, target = {}) => {
    const [message] = messagesOf({ messages: [user(part)] }, target) as { content: unknown[] }[];
    return message?.content[0];
  };

  test("holds images as data URLs or URLs, with their detail", () => {
    expect(one(image)).toEqual({ type: "image_url", image_url: { url: "data:image/png;base64,cG5n" } });
    const far: PartInit = {
      kind: { case: "image", value: { source: { case: "url", value: "https://a/b.png" }, detail: ImageDetail.LOW } },
    };
    expect(one(far)).toEqual({ type: "image_url", image_url: { url: "https://a/b.png", detail: "low" } });
    expect(refusal({ messages: [user(far)] }, { vendor: "ollama" }).reason).toBe("CAPABILITY_MISSING");
    const refused = refusal({ messages: [user(text("see"), image)] }, { vendor: "deepseek" });
    expect(refused.message).toContain("messages[0].parts[1].image");
  });

  test("holds documents as the server takes them", () => {
    const pdf: PartInit = {
      kind: {
        case: "document",
        value: { source: { case: "data", value: bytes("pdf") }, mimeType: "application/pdf", filename: "a.pdf" },
      },
    };
    const url: PartInit = { kind: { case: "document", value: { source: { case: "url", value: "https://a/b.pdf" } } } };
    const file = { filename: "a.pdf", file_data: "data:application/pdf;base64,cGRm" };
    expect(one(pdf)).toEqual({ type: "file", file });
    expect(one(pdf, { vendor: "mistral" })).toEqual({
      type: "document_url",
      document_url: file.file_data,
      document_name: "a.pdf",
    });
    expect(one(url, { vendor: "openrouter" })).toEqual({ type: "file", file: { file_data: "https://a/b.pdf" } });
    expect(refusal({ messages: [user(url)] }).reason).toBe("CAPABILITY_MISSING");
    expect(refusal({ messages: [user(pdf)] }, { vendor: "groq" }).reason).toBe("CAPABILITY_MISSING");
  });

  test("warns of what a document says beside its bytes", () => {
    const notes: PartInit = {
      kind: {
        case: "document",
        value: { source: { case: "text", value: "hi" }, title: "T", context: "C", citations: true },
      },
    };
    expect(build({ messages: [user(notes)] }).ignored).toEqual([
      "messages[0].parts[0].document.title",
      "messages[0].parts[0].document.context",
      "messages[0].parts[0].document.citations",
    ]);
  });

  test("holds sound by the wire's word for its type", () => {
    const sound = (mimeType: string): PartInit => ({
      kind: { case: "audio", value: { source: { case: "data", value: bytes("x") }, mimeType } },
    });
    expect(one(sound("audio/mpeg"))).toEqual({ type: "input_audio", input_audio: { data: "eA==", format: "mp3" } });
    expect(one(sound("audio/x-wav"))).toMatchObject({ input_audio: { format: "wav" } });
    expect(one(sound("audio/wav"), { vendor: "mistral" })).toEqual({ type: "input_audio", input_audio: "eA==" });
  });

  test("holds files of this vendor and refuses those of another", () => {
    const file = (owner: string): PartInit => ({ kind: { case: "providerFile", value: { owner, fileId: "f1" } } });
    expect(one(file("openai"))).toEqual({ type: "file", file: { file_id: "f1" } });
    expect(one(file("mistral"), { vendor: "mistral" })).toEqual({ type: "file", file_id: "f1" });
    const error = refusal({ messages: [user(file("anthropic"))] });
    expect(error.extras.fields?.[0]?.field).toBe("messages[0].parts[0].provider_file.owner");
  });

  test("carries cache hints as the server takes them, or warns", () => {
    const hinted = { ...text("long"), cacheHint: { ttl: CacheTtl.ONE_HOUR } };
    expect(one(hinted, { vendor: "openrouter" })).toEqual({
      type: "text",
      text: "long",
      cache_control: { type: "ephemeral", ttl: "1h" },
    });
    expect(one(hinted, { model: "gpt-5.6-sol" })).toEqual({
      type: "text",
      text: "long",
      prompt_cache_breakpoint: { mode: "explicit" },
    });
    const plain = build({ messages: [user(hinted)] });
    expect(plain.body.messages).toEqual([{ role: "user", content: "long" }]);
    expect(plain.ignored).toEqual(["messages[0].parts[0].cache_hint"]);
  });

  test("holds nothing of an assistant's", () => {
    expect(refusal({ messages: [user(call("c", "{}"))] }).reason).toBe("INVALID_FIELD");
  });
});

describe("an assistant turn", () => {
  test("carries calls with the arguments the model wrote, spaces and digits included", () => {
    const argumentsJson = '{"id": 12345678901234567890,  "1": 1}';
    expect(messagesOf({ messages: [assistant(text("so"), call("c1", argumentsJson), call("c2", ""))] })).toEqual([
      {
        role: "assistant",
        content: "so",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "f", arguments: argumentsJson } },
          { id: "c2", type: "function", function: { name: "f", arguments: "{}" } },
        ],
      },
    ]);
  });

  test("without text has no content beside calls, and an empty one by itself", () => {
    expect(messagesOf({ messages: [assistant(call("c", "{}")), assistant(), assistant(text(""))] })).toEqual([
      { role: "assistant", tool_calls: [expect.anything()] },
      { role: "assistant", content: "" },
      { role: "assistant", content: "" },
    ]);
  });

  test("carries calls with free text where there are such tools", () => {
    const messages = [assistant(call("c", "1 + 1", { freeForm: true }))];
    expect(messagesOf({ messages })).toMatchObject([
      { tool_calls: [{ id: "c", type: "custom", custom: { name: "f", input: "1 + 1" } }] },
    ]);
    expect(refusal({ messages }, { vendor: "groq" }).extras.preconditions?.[0]?.subject).toBe("FREE_FORM_TOOLS");
  });

  test.each([
    ["deepseek", { content: "b", reasoning_content: "a" }],
    ["openrouter", { content: "b", reasoning: "a" }],
    [
      "mistral",
      {
        content: [
          { type: "thinking", thinking: [{ type: "text", text: "a" }] },
          { type: "text", text: "b" },
        ],
      },
    ],
    ["openai", { content: "b" }],
  ])("sends reasoning back the way of %s", (vendor, fields) => {
    const { body, ignored } = build({ messages: [assistant(reasoning("a"), text("b"))] }, { vendor });
    expect(body.messages).toEqual([{ role: "assistant", ...fields }]);
    expect(ignored).toEqual(vendor === "openai" ? ["messages[0].parts[0].reasoning"] : []);
  });

  test("sends state back to the vendor that made it, unread", () => {
    const details = '[{"type":"reasoning.text","text":"a","signature":"s","index":12345678901234567890}]';
    const messages = [
      assistant(
        { ...reasoning("a"), providerState: [state("openrouter", "reasoning_details", details)] },
        {
          ...call("c", "{}"),
          providerState: [state("gemini", "extra_content", '{"google":{"thought_signature":"x"}}')],
        },
      ),
    ];
    const own = build({ messages }, { vendor: "openrouter" });
    expect(own.text).toContain(`"reasoning_details":${details}`);
    expect(own.body.messages).not.toMatchObject([{ reasoning: "a" }]);
    expect(own.ignored).toEqual(["messages[0].parts[1].provider_state[0]"]);
    const gemini = build({ messages }, { vendor: "gemini" });
    expect(gemini.body.messages).toMatchObject([
      { tool_calls: [{ extra_content: { google: { thought_signature: "x" } } }] },
    ]);
    expect(gemini.ignored).toEqual(["messages[0].parts[0].provider_state[0]", "messages[0].parts[0].reasoning"]);
  });

  test("never lets state that is no JSON into the body", () => {
    const broken = { ...text("a"), providerState: [state("openrouter", "reasoning_details", '[1],"n":[2]')] };
    const { body, ignored } = build({ messages: [assistant(broken)] }, { vendor: "openrouter" });
    expect(body).not.toHaveProperty("n");
    expect(ignored).toEqual(["messages[0].parts[0].provider_state[0]"]);
  });

  test("carries refusals and the id of sound", () => {
    const said: PartInit = { kind: { case: "refusal", value: { text: "no" } } };
    const sound: PartInit = { kind: { case: "audio", value: { source: { case: "providerId", value: "a1" } } } };
    expect(messagesOf({ messages: [assistant(said), assistant(sound)] })).toEqual([
      { role: "assistant", refusal: "no" },
      { role: "assistant", audio: { id: "a1" } },
    ]);
    const other = build({ messages: [assistant(said)] }, { vendor: "mistral" });
    expect(other.body.messages).toEqual([{ role: "assistant", content: "no" }]);
    expect(other.ignored).toEqual(["messages[0].parts[0].refusal"]);
  });

  test("sends citations back as annotations where the server takes them", () => {
    const cited: PartInit = {
      kind: { case: "text", value: { text: "t", citations: [{ rawJson: '{"type":"file","n":1}' }] } },
    };
    expect(messagesOf({ messages: [assistant(cited)] }, { vendor: "openrouter" })).toMatchObject([
      { annotations: [{ type: "file", n: 1 }] },
    ]);
    expect(build({ messages: [assistant(cited)] }).ignored).toEqual(["messages[0].parts[0].text.citations"]);
  });

  test("leaves out what a provider ran itself, with a warning", () => {
    const executor = Executor.PROVIDER;
    const messages = [assistant(call("c", "{}", { executor }), result("c", [text("r")], { executor }), text("so"))];
    const { body, ignored } = build({ messages });
    expect(body.messages).toEqual([{ role: "assistant", content: "so" }]);
    expect(ignored).toEqual(["messages[0].parts[0].tool_call", "messages[0].parts[1].tool_result"]);
  });
});

describe("results of tools", () => {
  const tool = (...parts: PartInit[]) => ({ role: MessageRole.TOOL, parts });

  test("are a message each", () => {
    const messages = [tool(result("c1", [text("1")]), result("c2", [])), tool(result("c3", [text("2"), text("3")]))];
    expect(messagesOf({ messages })).toEqual([
      { role: "tool", tool_call_id: "c1", content: "1" },
      { role: "tool", tool_call_id: "c2", content: "" },
      { role: "tool", tool_call_id: "c3", content: [expect.anything(), expect.anything()] },
    ]);
  });

  test("hold media where the server takes it, and fail where not", () => {
    const messages = [tool(result("c", [text("see"), image]))];
    expect(messagesOf({ messages }, { vendor: "openrouter" })).toMatchObject([
      { content: [{ type: "text" }, { type: "image_url" }] },
    ]);
    expect(refusal({ messages }).message).toContain("messages[0].parts[0].tool_result.parts[1]");
  });

  test("carry a cache hint on their last part", () => {
    const hinted = { ...result("c", [text("1")]), cacheHint: {} };
    expect(messagesOf({ messages: [tool(hinted)] }, { vendor: "openrouter" })).toMatchObject([
      { content: [{ type: "text", text: "1", cache_control: { type: "ephemeral" } }] },
    ]);
  });

  test("say that they failed in their text alone", () => {
    expect(build({ messages: [tool(result("c", [text("x")], { isError: true }))] }).ignored).toEqual([
      "messages[0].parts[0].tool_result.is_error",
    ]);
  });
});
