import { describe, expect, test } from "@jest/globals";
import { CacheTtl, Executor, ImageDetail } from "../../../src/gen/execution/v1/content_pb.js";
import {
  assistant,
  build,
  bytes,
  call,
  developer,
  reasoning,
  refusal,
  result,
  state,
  system,
  text,
  tool,
  user,
} from "./build.ts";

const block = '{"type":"server_tool_use","id":"s1","name":"web_search","input":{"n":9007199254740993}}';

/** The one message of a body. */
function only(...messages: Parameters<typeof build>[0]["messages"] & object): unknown {
  return build({ messages }).body.messages;
}

// Mutant seen red: `messages: []` sent, which the server refuses.
test("messages of which none is left are refused", () => {
  expect(refusal({ messages: [user(text(""))] })).toBe("INVALID_FIELD messages");
  expect(refusal({ messages: [system(text("a")), developer(text("b"))] })).toBe("INVALID_FIELD messages");
});

describe("instructions", () => {
  test("before the first other message are the system prompt, each part a block of it", () => {
    const hint = { ttl: CacheTtl.ONE_HOUR };
    const { body } = build({
      messages: [system(text("a")), developer({ ...text("b"), cacheHint: hint }, text("c")), user(text("hi"))],
    });
    expect(body.system).toEqual([
      { type: "text", text: "a" },
      { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "1h" } },
      { type: "text", text: "c" },
    ]);
    expect(body.messages).toEqual([{ role: "user", content: "hi" }]);
  });

  test("of one plain text are that text", () => {
    expect(build({ messages: [system(text("a")), user(text("hi"))] }).body.system).toBe("a");
  });

  test("stay where they are later on, where the model takes them (mutant: all instructions hoisted)", () => {
    const messages = [system(text("a")), user(text("hi")), system(text("b"), text("c")), assistant(text("yes"))];
    expect(build({ messages }, { model: "claude-opus-5" }).body.messages).toEqual([
      { role: "user", content: "hi" },
      {
        role: "system",
        content: [
          { type: "text", text: "b" },
          { type: "text", text: "c" },
        ],
      },
      { role: "assistant", content: "yes" },
    ]);
    expect(refusal({ messages }, { model: "claude-sonnet-5" })).toBe("CAPABILITY_MISSING messages[2]");
  });

  test("hold text only", () => {
    expect(refusal({ messages: [system(call("c"))] })).toBe("INVALID_FIELD messages[0].parts[0].toolCall");
    const odd = { ...text("a"), providerState: [state("block", block)] };
    expect(build({ messages: [system(odd), user(text("hi"))] }).warned).toEqual([
      "messages[0].parts[0].provider_state",
    ]);
  });
});

describe("results of tools", () => {
  test("are one user message with each other and with the user message after them, and with no other (mutant: all turns of a role joined)", () => {
    const messages = [
      user(text("hi")),
      assistant(call("c1"), call("c2")),
      tool(result("c1", text("one"))),
      tool(result("c2", text("two"), text("three"))),
      user(text("and?")),
      user(text("well?")),
    ];
    expect(build({ messages }).body.messages).toEqual([
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "c1", name: "look", input: {} },
          { type: "tool_use", id: "c2", name: "look", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "c1", content: "one" },
          {
            type: "tool_result",
            tool_use_id: "c2",
            content: [
              { type: "text", text: "two" },
              { type: "text", text: "three" },
            ],
          },
          { type: "text", text: "and?" },
        ],
      },
      { role: "user", content: "well?" },
    ]);
  });

  test("say that they are errors, and may be empty", () => {
    const failed = { kind: { case: "toolResult" as const, value: { toolCallId: "c", parts: [], isError: true } } };
    expect(only(tool(failed, { ...result("d", text("")), cacheHint: {} }))).toEqual([
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "c", is_error: true },
          { type: "tool_result", tool_use_id: "d", content: "", cache_control: { type: "ephemeral" } },
        ],
      },
    ]);
  });

  test("stand alone in a tool message", () => {
    expect(refusal({ messages: [tool(text("x"))] })).toBe("INVALID_FIELD messages[0].parts[0].text");
  });
});

describe("a user message", () => {
  test("holds images, documents and files in their order", () => {
    const data = bytes("%PDF");
    const message = user(
      {
        kind: {
          case: "image",
          value: { source: { case: "url", value: "https://x.example/i" }, detail: ImageDetail.LOW },
        },
      },
      {
        kind: { case: "image", value: { source: { case: "data", value: bytes("i") }, mimeType: "image/png" } },
        cacheHint: {},
      },
      {
        kind: {
          case: "document",
          value: {
            source: { case: "data", value: data },
            mimeType: "application/pdf",
            filename: "a.pdf",
            citations: true,
          },
        },
      },
      {
        kind: {
          case: "document",
          value: {
            source: { case: "data", value: bytes("a,b") },
            mimeType: "text/csv",
            title: "T",
            filename: "f",
            context: "C",
          },
        },
      },
      { kind: { case: "document", value: { source: { case: "url", value: "https://x.example/d" } } } },
      { kind: { case: "providerFile", value: { owner: "anthropic", fileId: "f1" } } },
      { kind: { case: "providerFile", value: { owner: "anthropic", fileId: "f2", mimeType: "image/*" } } },
    );
    const { body, warned } = build({ messages: [message] });
    expect(body.messages).toEqual([
      {
        role: "user",
        content: [
          { type: "image", source: { type: "url", url: "https://x.example/i" } },
          {
            type: "image",
            source: { type: "base64", media_type: "image/png", data: "aQ==" },
            cache_control: { type: "ephemeral" },
          },
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "JVBERg==" },
            title: "a.pdf",
            citations: { enabled: true },
          },
          {
            type: "document",
            source: { type: "text", media_type: "text/plain", data: "a,b" },
            title: "T",
            context: "C",
          },
          { type: "document", source: { type: "url", url: "https://x.example/d" } },
          { type: "document", source: { type: "file", file_id: "f1" } },
          { type: "image", source: { type: "file", file_id: "f2" } },
        ],
      },
    ]);
    expect(warned).toEqual(["messages[0].parts[0].image.detail", "messages[0].parts[3].document.filename"]);
  });

  test.each([
    [{ case: "audio", value: { source: { case: "data", value: bytes("x") } } }, "CAPABILITY_MISSING", "audio"],
    [
      { case: "image", value: { source: { case: "data", value: bytes("x") }, mimeType: "image/bmp" } },
      "CAPABILITY_MISSING",
      "image",
    ],
    [
      { case: "document", value: { source: { case: "data", value: bytes("x") }, mimeType: "application/zip" } },
      "CAPABILITY_MISSING",
      "document",
    ],
    [
      { case: "document", value: { source: { case: "data", value: Uint8Array.of(255) }, mimeType: "text/plain" } },
      "INVALID_FIELD",
      "document.data",
    ],
    [{ case: "providerFile", value: { owner: "openai", fileId: "f" } }, "INVALID_FIELD", "provider_file.owner"],
    [{ case: "toolCall", value: { id: "c", name: "n" } }, "INVALID_FIELD", "toolCall"],
  ] as const)("refuses %j", (kind, reason, field) => {
    expect(refusal({ messages: [user({ kind })] })).toBe(`${reason} messages[0].parts[0].${field}`);
  });

  test("is left out when nothing is in it, with a warning", () => {
    const { body, warned } = build({ messages: [user(text("hi")), user(text("")), user()] });
    expect(body.messages).toEqual([{ role: "user", content: "hi" }]);
    expect(warned).toEqual(["messages[1].parts[0].text", "messages[1]", "messages[2]"]);
  });

  test("carries blocks the contract has no place for, and no name and no thinking", () => {
    const upload = { providerState: [state("block", '{"type":"container_upload","file_id":"f"}')], cacheHint: {} };
    const message = { ...user(upload, { ...text("x"), providerState: [state("signature", "s")] }), name: "ada" };
    const { body, warned } = build({ messages: [message] });
    expect(body.messages).toEqual([
      {
        role: "user",
        content: [
          { type: "container_upload", file_id: "f", cache_control: { type: "ephemeral" } },
          { type: "text", text: "x" },
        ],
      },
    ]);
    expect(warned).toEqual(["messages[0].name", "messages[0].parts[1].provider_state"]);
  });
});

describe("an assistant turn", () => {
  test("goes back block by block, thinking with its signature and raw blocks as they were written", () => {
    const turn = assistant(
      { ...reasoning("hm"), providerState: [state("signature", "sig")] },
      { providerState: [state("signature", "hidden")] },
      { providerState: [state("redacted_thinking", "opaque")] },
      text("so"),
      { ...call("s1"), providerState: [state("block", block)] },
      call("c1", '{"n":9007199254740993}'),
    );
    const { text: written, warned } = build({ messages: [turn] });
    expect(written).toContain(
      '"content":[{"type":"thinking","thinking":"hm","signature":"sig"},' +
        '{"type":"thinking","thinking":"","signature":"hidden"},' +
        '{"type":"redacted_thinking","data":"opaque"},' +
        `{"type":"text","text":"so"},${block},` +
        '{"type":"tool_use","id":"c1","name":"look","input":{"n":9007199254740993}}]',
    );
    expect(warned).toEqual([]);
  });

  test("goes without what is another provider's, with a warning each", () => {
    const ran = { id: "p", name: "web_search", executor: Executor.PROVIDER };
    const turn = assistant(
      { ...reasoning("theirs"), providerState: [state("reasoning_details", "[]", "openrouter")] },
      { kind: { case: "toolCall", value: ran } },
      { kind: { case: "toolResult", value: { toolCallId: "p", executor: Executor.PROVIDER } } },
      { ...text("so"), providerState: [state("unheard", "x")] },
    );
    const { body, warned } = build({ messages: [turn] });
    expect(body.messages).toEqual([{ role: "assistant", content: "so" }]);
    expect(warned).toEqual([
      "messages[0].parts[0].provider_state[0]",
      "messages[0].parts[0].reasoning",
      "messages[0].parts[1].tool_call",
      "messages[0].parts[2].tool_result",
      "messages[0].parts[3].provider_state[0]",
    ]);
  });

  test("keeps its own citations, without the file id that requests do not have (mutant: written as they came)", () => {
    const own = '{"type":"char_location","cited_text":"x","document_index":0,"file_id":null}';
    const cited = {
      kind: {
        case: "text" as const,
        value: { text: "so", citations: [{ rawJson: own }, { rawJson: '{"type":"url_citation"}' }] },
      },
    };
    const { body, warned } = build({ messages: [assistant(cited)] });
    expect(body.messages).toEqual([
      {
        role: "assistant",
        content: [
          { type: "text", text: "so", citations: [{ type: "char_location", cited_text: "x", document_index: 0 }] },
        ],
      },
    ]);
    expect(warned).toEqual(["messages[0].parts[0].text.citations"]);
  });

  test("wraps arguments that are no JSON object, and says so", () => {
    const { body, warned } = build({ messages: [assistant(call("a", ""), call("b", '{"cut'), call("c", "[1]"))] });
    expect(body.messages).toMatchObject([
      { content: [{ input: {} }, { input: { INVALID_JSON: '{"cut' } }, { input: { INVALID_JSON: "[1]" } }] },
    ]);
    expect(warned).toEqual([
      "FIELD_CHANGED messages[0].parts[1].tool_call.arguments_json",
      "FIELD_CHANGED messages[0].parts[2].tool_call.arguments_json",
    ]);
  });

  // Mutant seen red: sent as an empty text, which the server refuses.
  test("leaves out a refusal without words", () => {
    const refused = assistant({ kind: { case: "refusal", value: { text: "" } } }, text("no"));
    const { body, warned } = build({ messages: [user(text("hi")), refused] });
    expect(body.messages).toEqual([
      { role: "user", content: "hi" },
      { role: "assistant", content: "no" },
    ]);
    expect(warned).toEqual(["messages[1].parts[0].refusal"]);
  });

  test("says a refusal as text", () => {
    const { body, warned } = build({ messages: [assistant({ kind: { case: "refusal", value: { text: "no" } } })] });
    expect(body.messages).toEqual([{ role: "assistant", content: "no" }]);
    expect(warned).toEqual(["FIELD_CHANGED messages[0].parts[0].refusal"]);
  });

  test("is continued where the model does that", () => {
    const messages = [user(text("hi")), { ...assistant(text("The answer is (")), prefix: true }];
    expect(build({ messages }).body.messages).toMatchObject([{}, { role: "assistant", content: "The answer is (" }]);
    const refused = "CAPABILITY_MISSING messages[1].prefix";
    for (const model of ["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-5-5", "claude-fable-5"]) {
      expect(refusal({ messages }, { model })).toBe(refused);
    }
  });

  test("has no place for pictures or for free text as arguments", () => {
    const image = { kind: { case: "image" as const, value: { source: { case: "url" as const, value: "https://x" } } } };
    expect(refusal({ messages: [assistant(image)] })).toBe("CAPABILITY_MISSING messages[0].parts[0].image");
    const free = { kind: { case: "toolCall" as const, value: { id: "c", name: "n", freeForm: true } } };
    expect(refusal({ messages: [assistant(free)] })).toBe(
      "CAPABILITY_MISSING messages[0].parts[0].tool_call.free_form",
    );
  });
});
