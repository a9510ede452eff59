import { describe, expect, test } from "@jest/globals";
import { fold } from "../../../src/contract/fold.ts";
import { summary } from "../shared/summary.ts";
import { block, decodeDocument, decodeStream, start, stop, text } from "./decode.ts";

const input = (...pieces: readonly string[]) =>
  pieces.map((partial_json) => ({ type: "input_json_delta", partial_json }));
const answer = (...events: Parameters<typeof decodeStream>[0]) =>
  summary(decodeStream([start(), ...events, ...stop("tool_use")]).events).slice(0, -1);

describe("a call of the caller's tool", () => {
  const plain = { type: "tool_use", id: "toolu_1", name: "add", input: {} };

  test("streams its input (mutant: tell it when the block ends)", () => {
    const events = [start(), ...block(0, plain, ...input("", '{"a": 1', ', "b": 2}'))];
    const begun = ["started 0 toolu_1 add", 'arguments 0 {"a": 1', 'arguments 0 , "b": 2}'];
    expect(summary(decodeStream(events.slice(0, -1)).events)).toEqual(begun);
    expect(summary(decodeStream(events).events)).toEqual([...begun, 'ended 0 toolu_1 add {"a": 1, "b": 2}']);
  });

  test("without input has none", () => {
    expect(answer(...block(0, plain, ...input("")))).toEqual(["started 0 toolu_1 add", "ended 0 toolu_1 add {}"]);
  });

  test("may have its input whole in the block, and deltas count for more", () => {
    const whole = { ...plain, input: { a: 1 } };
    expect(answer(...block(0, whole))).toContain('ended 0 toolu_1 add {"a":1}');
    expect(answer(...block(0, whole, ...input('{"a":2}')))).toContain('ended 0 toolu_1 add {"a":2}');
  });

  test("with more than a call has is kept whole, input included (mutant: keep the block as it began)", () => {
    const called = { ...plain, caller: { type: "code_execution_20250825", tool_id: "srvtoolu_1" } };
    expect(answer(...block(0, called, ...input('{"z": 1, "a": 12345678901234567890}'))).at(-1)).toBe(
      'state 0 anthropic block {"type":"tool_use","id":"toolu_1","name":"add","input":{"z": 1, "a": 12345678901234567890},"caller":{"type":"code_execution_20250825","tool_id":"srvtoolu_1"}}',
    );
  });

  test("that was cut off is no block any more", () => {
    const { events } = decodeStream([
      start(),
      ...block(0, { ...plain, caller: { type: "direct" } }, ...input('{"a')),
      ...stop("max_tokens"),
    ]);
    expect(summary(events)).toEqual([
      "started 0 toolu_1 add",
      'arguments 0 {"a',
      'ended 0 toolu_1 add {"a',
      "finished max_tokens",
    ]);
  });

  test("without an id, or with another's, gets one (mutant: take the id as it is)", () => {
    const { id: _, ...nameless } = plain;
    expect(answer(...block(0, plain), ...block(1, nameless), ...block(2, plain))).toEqual([
      "started 0 toolu_1 add",
      "ended 0 toolu_1 add {}",
      "started 1 minted-1 add",
      "ended 1 minted-1 add {}",
      "started 2 minted-2 add",
      "ended 2 minted-2 add {}",
    ]);
  });
});

describe("a tool that the provider runs", () => {
  const call = (type: string, more = {}) => ({ type, id: "srvtoolu_1", name: "web_search", input: {}, ...more });
  const result = (type: string, content: object | string, more = {}) =>
    block(1, { type, tool_use_id: "srvtoolu_1", ...more, content: content as never });

  test("is a call and a result of the message, both kept whole", () => {
    const { events } = decodeStream([
      start(),
      ...block(0, call("server_tool_use"), ...input('{"query": "x"}')),
      ...result("web_search_tool_result", [{ type: "web_search_result", url: "u", encrypted_content: "e" }]),
      ...text(2, "Found."),
      ...stop(),
    ]);
    expect(summary(events)).toEqual([
      "started 0 srvtoolu_1 web_search by PROVIDER",
      'arguments 0 {"query": "x"}',
      'ended 0 srvtoolu_1 web_search {"query": "x"}',
      'state 0 anthropic block {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query": "x"}}',
      'result 1 srvtoolu_1 [{"type":"web_search_result","url":"u","encrypted_content":"e"}]',
      'state 1 anthropic block {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"u","encrypted_content":"e"}]}',
      "text 2 Found.",
      "finished end_turn",
    ]);
    expect(fold(events)[0]?.parts.map(({ kind }) => kind.case)).toEqual(["toolCall", "toolResult", "text"]);
  });

  test.each([
    ["an MCP server's text", result("mcp_tool_result", [{ type: "text", text: "a" }], { is_error: false }), "a"],
    [
      "several texts",
      result("mcp_tool_result", [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ]),
      "a | b",
    ],
    ["a plain text", result("mcp_tool_result", "a"), "a"],
    ["an MCP server's failure", result("mcp_tool_result", "no", { is_error: true }), "failed: no"],
    [
      "an advisor's advice",
      result("advisor_tool_result", { type: "advisor_result", text: "Ship it.", stop_reason: "end_turn" }),
      "Ship it.",
    ],
    [
      "an advisor's hidden advice",
      result("advisor_tool_result", { type: "advisor_redacted_result", encrypted_content: "e" }),
      '{"type":"advisor_redacted_result","encrypted_content":"e"}',
    ],
    [
      "an error",
      result("web_search_tool_result", { type: "web_search_tool_result_error", error_code: "unavailable" }),
      'failed: {"type":"web_search_tool_result_error","error_code":"unavailable"}',
    ],
    ["nothing found", result("web_search_tool_result", []), "[]"],
    [
      "more than text",
      result("mcp_tool_result", [{ type: "text", text: "a" }, { type: "image" }]),
      '[{"type":"text","text":"a"},{"type":"image"}]',
    ],
  ])("answers with %s", (_, events, expected) => {
    const found = answer(...block(0, call("mcp_tool_use", { server_name: "near" })), ...events);
    expect(found.find((line) => line.startsWith("result"))).toBe(`result 1 srvtoolu_1 ${expected}`);
    expect(found[0]).toBe("started 0 srvtoolu_1 web_search by PROVIDER");
  });

  test("may answer in a later turn than it was called in", () => {
    const { events } = decodeDocument({
      type: "message",
      content: [{ type: "code_execution_tool_result", tool_use_id: "srvtoolu_9", content: { type: "x", stdout: "1" } }],
      stop_reason: "end_turn",
    });
    expect(summary(events)[0]).toBe('result 0 srvtoolu_9 {"type":"x","stdout":"1"}');
  });
});

describe("citations", () => {
  const cite = (citation: object) => ({ type: "citations_delta", citation: citation as never });
  const citationsOf = (citation: object) => {
    const { events } = decodeStream([
      start(),
      ...block(0, { type: "text", text: "", citations: [] }, cite(citation), { type: "text_delta", text: "So." }),
      ...stop(),
    ]);
    expect(summary(events)).toEqual(["citation", "text 0 So.", "finished end_turn"]);
    return fold(events)[0]?.parts[0]?.kind.value;
  };

  test.each([
    [
      "a web page",
      {
        type: "web_search_result_location",
        cited_text: "828 m",
        url: "https://a.example",
        title: "A",
        encrypted_index: "e",
      },
      { url: "https://a.example", title: "A", citedText: "828 m", sourceId: "" },
    ],
    [
      "a document",
      {
        type: "char_location",
        cited_text: "Grass",
        document_index: 1,
        document_title: "D",
        file_id: "file_1",
        start_char_index: 3,
        end_char_index: 8,
      },
      { url: "", title: "D", citedText: "Grass", documentIndex: 1, sourceId: "file_1" },
    ],
    [
      "a search result",
      {
        type: "search_result_location",
        cited_text: "x",
        source: "kb/7",
        title: null,
        search_result_index: 0,
        start_block_index: 0,
        end_block_index: 1,
      },
      { url: "", title: "", citedText: "x", sourceId: "kb/7" },
    ],
  ])("of %s keep what has a place, and all of it as it was written", (_, citation, expected) => {
    expect(citationsOf(citation)).toMatchObject({
      text: "So.",
      citations: [{ ...expected, rawJson: JSON.stringify(citation) }],
    });
    expect(JSON.stringify(citationsOf(citation))).not.toContain("startIndex");
  });

  test("of a whole answer are read alike", () => {
    const citation = { type: "page_location", cited_text: "p", document_index: 0, document_title: null };
    const { events } = decodeDocument({
      type: "message",
      content: [{ type: "text", text: "So.", citations: [citation, citation] }],
      stop_reason: "end_turn",
    });
    expect(summary(events)).toEqual(["text 0 So.", "citation", "citation", "finished end_turn"]);
    expect(events[2]).toMatchObject({ event: { value: { citation: { rawJson: JSON.stringify(citation) } } } });
  });
});

describe("a block without a meaning of its own", () => {
  test("is kept whole, with the values of its deltas (mutant: as it began)", () => {
    const begun = { type: "compaction", content: null, encrypted_content: null };
    const delta = { type: "compaction_delta", content: "In short.", encrypted_content: "ZQ==" };
    expect(answer(...block(0, begun, delta))).toEqual([
      'state 0 anthropic block {"type":"compaction","content":"In short.","encrypted_content":"ZQ=="}',
    ]);
  });

  test.each([
    { type: "fallback", from: { model: "a" }, to: { model: "b" }, trigger: { type: "refusal", category: null } },
    { type: "container_upload", file_id: "file_1" },
    { type: "nobody_knows", n: 1 },
  ])("such as $type is a part without a kind", (contentBlock) => {
    const { events } = decodeStream([start(), ...block(0, contentBlock), ...text(1, "Hi"), ...stop()]);
    expect(summary(events)[0]).toBe(`state 0 anthropic block ${JSON.stringify(contentBlock)}`);
    expect(fold(events)[0]?.parts.map(({ kind }) => kind.case)).toEqual([undefined, "text"]);
  });
});
