import { describe, expect, test } from "@jest/globals";
import { CacheTtl, Executor, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { messagesOf, parsed, refused, statesOf, turn } from "./parse.ts";

const { SYSTEM, USER, TOOL } = MessageRole;
const textBlock = (text: string) => ({ type: "text", text });
const result = (id: string, content?: unknown) => ({ type: "tool_result", tool_use_id: id, content });

describe("the conversation", () => {
  test("begins with the system prompt, its blocks being its parts", () => {
    const system = [textBlock("a"), { ...textBlock("b"), cache_control: { type: "ephemeral", ttl: "5m" } }];
    const [first, second] = parsed({ system }).messages;
    expect(first).toMatchObject({ role: SYSTEM, parts: [{ kind: { value: { text: "a" } } }, {}] });
    expect(first?.parts[1]?.cacheHint?.ttl).toBe(CacheTtl.FIVE_MINUTES);
    expect(second?.role).toBe(USER);
    expect(parsed({ system: "a" }).messages).toHaveLength(2);
    expect(parsed({ system: "" }).messages).toHaveLength(1);
  });

  test("keeps instructions between its messages where they are", () => {
    const roles = messagesOf(
      { role: "user", content: "hi" },
      { role: "system", content: [{ type: "tool_removal", tool: { type: "tool_reference", name: "x" } }] },
    );
    expect(roles.map(({ role }) => role)).toEqual([USER, SYSTEM]);
    expect(roles[1]?.parts.flatMap(statesOf)).toEqual([
      'anthropic block {"type":"tool_removal","tool":{"type":"tool_reference","name":"x"}}',
    ]);
  });

  test("has results of tools in a message of their own, before the rest of the turn", () => {
    const content = [
      result("c1", "one"),
      { ...result("c2", [textBlock("a"), textBlock("b")]), is_error: true, cache_control: { type: "ephemeral" } },
      textBlock("and?"),
    ];
    const [tools, user] = messagesOf({ role: "user", content });
    expect(tools).toMatchObject({
      role: TOOL,
      parts: [
        { kind: { value: { toolCallId: "c1", isError: false, parts: [{ kind: { value: { text: "one" } } }] } } },
        { kind: { value: { toolCallId: "c2", isError: true, parts: [{}, {}] } }, cacheHint: {} },
      ],
    });
    expect(user).toMatchObject({ role: USER, parts: [{ kind: { value: { text: "and?" } } }] });
    const late = { messages: [{ role: "user", content: [textBlock("x"), result("c")] }] };
    expect(refused(late)).toMatchObject({ field: "messages[0].content[1]", why: expect.stringContaining("before") });
  });

  test("ends in a message to continue if an assistant's text is its end, and not if a tool's block is", () => {
    const asked = { role: "user", content: "hi" };
    const prefixOf = (content: unknown): boolean[] =>
      messagesOf(asked, { role: "assistant", content }).map(({ prefix }) => prefix);
    expect(prefixOf("The")).toEqual([false, true]);
    expect(prefixOf([{ type: "server_tool_use", id: "s", name: "web_search", input: {} }])).toEqual([false, false]);
    expect(messagesOf({ role: "assistant", content: "a" }, asked)[0]?.prefix).toBe(false);
  });

  test.each([
    [[{ role: "developer", content: "x" }], "messages[0].role"],
    [[{ role: "user" }], "messages[0].content"],
    [[{ role: "user", content: [] }], "messages[0].content"],
    [[{ role: "user", content: 1 }], "messages[0].content"],
    [[{ role: "user", content: "x", name: "ada" }], "messages[0].name"],
    [[[{ role: "user", content: "x" }]], "messages[0]"],
    [[{ role: "user", content: ["x"] }], "messages[0].content[0]"],
    [[{ role: "user", content: [{ text: "x" }] }], "messages[0].content[0].type"],
    [[{ role: "user", content: [{ type: "thinking", thinking: "", signature: "" }] }], "messages[0].content[0].type"],
    [[{ role: "user", content: [{ ...textBlock("x"), citations: [{}] }] }], "messages[0].content[0].citations"],
    [[{ role: "user", content: [{ ...textBlock("x"), style: "bold" }] }], "messages[0].content[0].style"],
    [[{ role: "assistant", content: [{ type: "tool_result" }] }], "messages[0].content[0].type"],
    [[{ role: "assistant", content: [{ type: "thinking", thinking: "x" }] }], "messages[0].content[0].signature"],
    [[{ role: "user", content: "\ud800" }], "messages[0].content"],
  ])("%j is refused at %s", (messages, field) => {
    expect(refused({ messages }).field).toBe(field);
  });
});

describe("a user's turn", () => {
  const parts = (...content: unknown[]) => messagesOf({ role: "user", content })[0]?.parts ?? [];

  test("holds images and documents by their bytes, their URL or their id", () => {
    const kinds = parts(
      { type: "image", source: { type: "base64", media_type: "image/png", data: "aQ==" } },
      { type: "image", source: { type: "url", url: "https://x.example/i" } },
      { type: "image", source: { type: "file", file_id: "f1" } },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "JVBERg==" },
        title: "T",
        context: "C",
        citations: { enabled: true },
      },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "words" } },
      { type: "document", source: { type: "url", url: "https://x.example/d" } },
      { type: "document", source: { type: "file", file_id: "f2" } },
    ).map(({ kind }) => kind);
    expect(kinds).toMatchObject([
      { case: "image", value: { source: { case: "data", value: Buffer.from("i") }, mimeType: "image/png" } },
      { case: "image", value: { source: { case: "url", value: "https://x.example/i" } } },
      { case: "providerFile", value: { owner: "anthropic", fileId: "f1", mimeType: "image/*" } },
      {
        case: "document",
        value: { source: { case: "data" }, mimeType: "application/pdf", title: "T", context: "C", citations: true },
      },
      { case: "document", value: { source: { case: "text", value: "words" }, mimeType: "text/plain" } },
      { case: "document", value: { source: { case: "url" } } },
      { case: "providerFile", value: { owner: "anthropic", fileId: "f2", mimeType: "" } },
    ]);
  });

  test("keeps what the contract has no place for as it was written, but for its cache hint", () => {
    const found = parts(
      { type: "search_result", source: "s", title: "t", content: [], cache_control: { type: "ephemeral" } },
      { type: "document", source: { type: "content", content: "x" }, title: "t" },
      { type: "document", source: { type: "file", file_id: "f" }, title: "t" },
      { type: "image", source: { type: "url", url: "u" }, transformations: { a: "b" } },
    );
    expect(found.flatMap(statesOf)).toEqual([
      'anthropic block {"type":"search_result","source":"s","title":"t","content":[]}',
      'anthropic block {"type":"document","source":{"type":"content","content":"x"},"title":"t"}',
      'anthropic block {"type":"document","source":{"type":"file","file_id":"f"},"title":"t"}',
      'anthropic block {"type":"image","source":{"type":"url","url":"u"},"transformations":{"a":"b"}}',
    ]);
    expect(found.map(({ cacheHint }) => cacheHint !== undefined)).toEqual([true, false, false, false]);
  });

  test.each([
    [{ type: "image", source: { type: "base64", media_type: "image/png", data: "%%%" } }, ".source.data"],
    [{ type: "image", source: { type: "disk" } }, ".source.type"],
    [{ type: "image", source: { type: "url", url: "u", media_type: "x" } }, ".source.media_type"],
    [{ type: "document", source: { type: "text", media_type: "text/plain" } }, ".source.data"],
    [{ type: "document", source: { type: "url", url: "u" }, citations: { enabled: 1 } }, ".citations.enabled"],
    [{ type: "video" }, ".type"],
  ])("%j is refused at %s", (block, field) => {
    expect(refused({ messages: [{ role: "user", content: [block] }] }).field).toBe(`messages[0].content[0]${field}`);
  });
});

describe("an assistant's turn", () => {
  test("has thinking with its signature, hidden thinking and calls of the caller's tools", () => {
    const parts = turn(
      { type: "thinking", thinking: "hm", signature: "s1" },
      { type: "thinking", thinking: "", signature: "s2" },
      { type: "redacted_thinking", data: "opaque" },
      { type: "tool_use", id: "c1", name: "look", input: { b: 1, a: 2 }, cache_control: { type: "ephemeral" } },
    );
    expect(parts.map(({ kind }) => kind)).toMatchObject([
      { case: "reasoning", value: { text: "hm" } },
      { case: undefined },
      { case: undefined },
      {
        case: "toolCall",
        value: { id: "c1", name: "look", argumentsJson: '{"b":1,"a":2}', executor: Executor.CALLER },
      },
    ]);
    expect(parts.map(statesOf)).toEqual([
      ["anthropic signature s1"],
      ["anthropic signature s2"],
      ["anthropic redacted_thinking opaque"],
      [],
    ]);
    expect(parts[3]?.cacheHint).toBeDefined();
  });

  test("keeps blocks of the provider whole, and reads of them what others may want (mutant: input left out)", () => {
    const called = { type: "tool_use", id: "c", name: "n", input: {}, caller: { type: "direct" } };
    const search = { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } };
    const found = {
      type: "web_search_tool_result",
      tool_use_id: "s",
      content: [{ type: "web_search_result", url: "u" }],
    };
    const failed = { type: "mcp_tool_result", tool_use_id: "m", content: [textBlock("no")], is_error: true };
    const refusedRun = { type: "x_tool_result", tool_use_id: "x", content: { type: "x_tool_result_error" } };
    const compaction = { type: "compaction", content: "so far" };
    const blocks = [called, search, found, failed, refusedRun, compaction];
    const parts = turn(...blocks);
    expect(parts.map(({ kind }) => kind)).toMatchObject([
      { case: "toolCall", value: { executor: Executor.CALLER } },
      {
        case: "toolCall",
        value: { id: "s", name: "web_search", argumentsJson: '{"query":"q"}', executor: Executor.PROVIDER },
      },
      {
        case: "toolResult",
        value: {
          toolCallId: "s",
          executor: Executor.PROVIDER,
          isError: false,
          parts: [{ kind: { value: { text: '[{"type":"web_search_result","url":"u"}]' } } }],
        },
      },
      { case: "toolResult", value: { isError: true, parts: [{ kind: { value: { text: "no" } } }] } },
      { case: "toolResult", value: { isError: true } },
      { case: undefined },
    ]);
    expect(parts.flatMap(statesOf)).toEqual(blocks.map((block) => `anthropic block ${JSON.stringify(block)}`));
  });

  test("keeps citations as they were written, and reads what the contract has fields for", () => {
    const citation = {
      type: "page_location",
      cited_text: "x",
      document_index: 1,
      document_title: "T",
      start_page_number: 1,
      end_page_number: 2,
    };
    const [part] = turn({
      ...textBlock("so"),
      citations: [citation, { type: "search_result_location", source: "https://x" }],
    });
    expect(part?.kind.value).toMatchObject({
      citations: [
        { citedText: "x", title: "T", documentIndex: 1, rawJson: JSON.stringify(citation) },
        { url: "https://x", sourceId: "https://x" },
      ],
    });
    expect(part?.kind.case === "text" && part.kind.value.citations[0]?.startIndex).toBeUndefined();
  });
});
