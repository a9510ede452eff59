import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fold } from "../../../src/contract/fold.ts";
import { Capability } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { Executor, ImageDetail, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";
import { assistant, build, call, refusal, result, state, system, text, toolMessage, user } from "./build.ts";
import { chunk, decodeChunks, finish } from "./decode.ts";

type Parts = { readonly [key: string]: JsonValue }[];

const contentsOf = (...messages: ReturnType<typeof user>[]) => build({ messages }).body.contents;

describe("instructions", () => {
  test("are the texts the conversation begins with, one a part", () => {
    const { body } = build({
      messages: [system(text("a"), text("b")), { role: MessageRole.DEVELOPER, parts: [text("c")] }, user(text("hi"))],
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: "a" }, { text: "b" }, { text: "c" }] },
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
    });
  });

  test("that come later have no place (mutant: move them to the front)", () => {
    expect(refusal({ messages: [user(text("hi")), system(text("a"))] })).toMatchObject({
      reason: "CAPABILITY_MISSING",
      extras: { fields: [{ field: "messages[1]" }] },
    });
  });

  test("alone are no conversation, and hold text only", () => {
    expect(refusal({ messages: [system(text("a"))] })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(refusal({ messages: [system(call("c", "f")), user(text("hi"))] })).toMatchObject({
      extras: { fields: [{ field: "messages[0].parts[0].toolCall" }] },
    });
  });
});

describe("messages", () => {
  test("are each a content, neighbours of one role too", () => {
    expect(contentsOf(user(text("a")), user(text("b")), assistant(text("c")), assistant())).toEqual([
      { role: "user", parts: [{ text: "a" }] },
      { role: "user", parts: [{ text: "b" }] },
      { role: "model", parts: [{ text: "c" }] },
      { role: "model", parts: [] },
    ]);
  });

  test("carry media as bytes, as what the provider fetches, and as its own files", () => {
    const data = new Uint8Array([1, 2]);
    const image = {
      case: "image" as const,
      value: { source: { case: "data" as const, value: data }, mimeType: "image/png" },
    };
    const sound = {
      case: "audio" as const,
      value: { source: { case: "data" as const, value: data }, mimeType: "audio/wav" },
    };
    const url = {
      case: "document" as const,
      value: { source: { case: "url" as const, value: "https://a/b.pdf" }, mimeType: "application/pdf" },
    };
    const note = { case: "document" as const, value: { source: { case: "text" as const, value: "é" } } };
    const file = { case: "providerFile" as const, value: { owner: "gemini", fileId: "https://x/files/1" } };
    const parts = [image, sound, url, note, file].map((kind) => ({ kind }));
    expect(contentsOf(user(...parts))).toEqual([
      {
        role: "user",
        parts: [
          { inlineData: { mimeType: "image/png", data: "AQI=" } },
          { inlineData: { mimeType: "audio/wav", data: "AQI=" } },
          { fileData: { fileUri: "https://a/b.pdf", mimeType: "application/pdf" } },
          { inlineData: { mimeType: "text/plain", data: "w6k=" } },
          { fileData: { fileUri: "https://x/files/1" } },
        ],
      },
    ]);
  });

  test("are refused where the wire has no place for what they hold", () => {
    const image = (value: string) => user({ kind: { case: "image", value: { source: { case: "url", value } } } });
    const file = user({ kind: { case: "providerFile", value: { owner: "openai", fileId: "f" } } });
    const sound = user({ kind: { case: "audio", value: { source: { case: "providerId", value: "s" } } } });
    expect(refusal({ messages: [image("https://a")] }, { quirks: { fetches_urls: false } })).toMatchObject({
      reason: "CAPABILITY_MISSING",
    });
    expect(refusal({ messages: [file] })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(refusal({ messages: [sound] })).toMatchObject({ reason: "CAPABILITY_MISSING" });
    expect(refusal({ messages: [user(call("c", "f"))] })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(refusal({ messages: [{ ...assistant(text("a")), prefix: true }] })).toMatchObject({
      extras: { preconditions: [{ subject: Capability[Capability.ASSISTANT_PREFIX] }] },
    });
  });

  test("leave out what only hints, and say so", () => {
    const { ignored } = build({
      messages: [
        { ...user({ ...text("a"), cacheHint: {} }), name: "Ann" },
        user({
          kind: { case: "image", value: { source: { case: "url", value: "https://a" }, detail: ImageDetail.HIGH } },
        }),
        user({
          kind: { case: "document", value: { source: { case: "text", value: "x" }, title: "T", citations: true } },
        }),
        user({ ...text("b"), providerState: [state("thought_signature", "c2ln")] }),
      ],
    });
    expect(ignored).toEqual([
      "messages[0].name",
      "messages[0].parts[0].cache_hint",
      "messages[1].parts[0].image.detail",
      "messages[2].parts[0].document.title",
      "messages[2].parts[0].document.citations",
      "messages[3].parts[0].provider_state[0]",
    ]);
  });
});

describe("results", () => {
  const turn = assistant(call("c1", "f"), call("unnamed_2", "g"));

  test("are named by the call they answer, and have its id if it was the provider's (mutant: send every id)", () => {
    const answers = toolMessage(
      result("c1", [text("one")]),
      result("unnamed_2", [text("two")]),
      result("x", [], { name: "h" }),
    );
    expect((contentsOf(user(text("hi")), turn, answers) as unknown[]).slice(1)).toEqual([
      {
        role: "model",
        parts: [{ functionCall: { id: "c1", name: "f", args: {} } }, { functionCall: { name: "g", args: {} } }],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "c1", name: "f", response: { output: "one" } } },
          { functionResponse: { name: "g", response: { output: "two" } } },
          { functionResponse: { id: "x", name: "h", response: {} } },
        ],
      },
    ]);
  });

  test.each([
    [
      "a JSON object is the response as it is",
      ['{"b": 1.50, "a": 12345678901234567890}'],
      false,
      '{"b": 1.50, "a": 12345678901234567890}',
    ],
    ["any other text is its output", ["[1]"], false, '{"output":"[1]"}'],
    ["several are a list", ["a", '{"b": 1}'], false, '{"output":["a",{"b": 1}]}'],
    ["a failure is an error", ["no such file"], true, '{"error":"no such file"}'],
    ["a failure's object is the error", ['{"code": 1}'], true, '{"error":{"code": 1}}'],
  ])("%s", (_, texts, isError, response) => {
    const answer = toolMessage(result("c1", texts.map(text), { isError }));
    expect(build({ messages: [turn, answer] }).text).toContain(`"response":${response}`);
  });

  test("that nobody names are refused, as is other content of a tool message", () => {
    expect(refusal({ messages: [toolMessage(result("x", [text("a")]))] })).toMatchObject({
      extras: { fields: [{ field: "messages[0].parts[0].tool_result.name" }] },
    });
    expect(refusal({ messages: [toolMessage(text("a"))] })).toMatchObject({ reason: "INVALID_FIELD" });
  });

  test("may stand beside other content of a user's message, and hold pictures for models that take them", () => {
    const image = {
      kind: {
        case: "image" as const,
        value: { source: { case: "data" as const, value: new Uint8Array([1]) }, mimeType: "image/png" },
      },
    };
    const messages = [turn, user(result("c1", [text("one"), image]), text("look"))];
    expect((build({ messages }).body.contents as unknown[])[1]).toEqual({
      role: "user",
      parts: [
        {
          functionResponse: {
            id: "c1",
            name: "f",
            response: { output: "one" },
            parts: [{ inlineData: { mimeType: "image/png", data: "AQ==" } }],
          },
        },
        { text: "look" },
      ],
    });
    expect(refusal({ messages }, { model: "gemini-2.5-flash" })).toMatchObject({ reason: "CAPABILITY_MISSING" });
  });
});

describe("a turn of the model", () => {
  test("goes back with its thoughts, its signatures and what the provider ran", () => {
    const turn = assistant(
      { kind: { case: "reasoning", value: { text: "Hm." } } },
      { ...text("4"), providerState: [state("thought_signature", "c2ln")] },
      { providerState: [state("thought_signature", "bGFzdA==")] },
      { providerState: [state("part", '{"executableCode":{"code":"1"}}'), state("thought_signature", "eA==")] },
      { providerState: [state("part", '{"somethingNew": 1.50}')] },
    );
    expect(build({ messages: [turn] }).text).toContain(
      '"parts":[{"text":"Hm.","thought":true},{"text":"4","thoughtSignature":"c2ln"},{"text":"","thoughtSignature":"bGFzdA=="},' +
        '{"executableCode":{"code":"1"},"thoughtSignature":"eA=="},{"somethingNew": 1.50}]',
    );
  });

  test("leaves out what other providers left, and says so", () => {
    const searched = {
      kind: { case: "toolCall" as const, value: { id: "s", name: "web_search", executor: Executor.PROVIDER } },
    };
    const { body, ignored } = build({
      messages: [
        assistant(
          { ...text("a"), providerState: [state("signature", "x", "anthropic"), state("odd", "y")] },
          searched,
          result("s", [text("found")]),
          { kind: { case: "refusal", value: { text: "No." } } },
          { kind: { case: "text", value: { text: "b", citations: [{ url: "https://a" }] } } },
        ),
      ],
    });
    expect(body.contents).toEqual([{ role: "model", parts: [{ text: "a" }, { text: "No." }, { text: "b" }] }]);
    expect(ignored).toEqual([
      "messages[0].parts[0].provider_state[0]",
      "messages[0].parts[0].provider_state[1]",
      "messages[0].parts[1].tool_call",
      "messages[0].parts[2].tool_result",
      "messages[0].parts[3].refusal",
      "messages[0].parts[4].text.citations",
    ]);
  });

  test("has arguments that are an object", () => {
    expect(refusal({ messages: [assistant(call("c", "f", "[1]"))] })).toMatchObject({
      extras: { fields: [{ field: "messages[0].parts[0].tool_call.arguments_json" }] },
    });
    const freeForm = { kind: { case: "toolCall" as const, value: { id: "c", name: "f", freeForm: true } } };
    expect(refusal({ messages: [assistant(freeForm)] })).toMatchObject({ reason: "CAPABILITY_MISSING" });
  });

  test("is what the provider sent, whatever its chunks (mutants: a signature on the part before; thoughts joined to text; ids sent that were minted)", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 });
    const signed = fc.base64String({ minLength: 4 }).map((thoughtSignature) => ({ thoughtSignature }));
    const unsigned = fc.constant({});
    const object = fc
      .dictionary(word, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 })
      .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
    const part = fc.oneof(
      word.map((value) => ({ text: value })),
      word.map((value) => ({ text: value, thought: true })),
      fc.constant({ text: "", thought: true }),
      fc.record({ functionCall: fc.record({ name: fc.constant("f"), args: object, id: fc.uuid() }) }),
      fc.record({ functionCall: fc.record({ name: fc.constant("f"), args: object }) }),
      fc.record({ executableCode: fc.record({ language: fc.constant("PYTHON"), code: word }) }),
      fc.record({
        codeExecutionResult: fc.record({ outcome: fc.constant("OUTCOME_DEADLINE_EXCEEDED"), output: word }),
      }),
      fc.record({ toolResponse: fc.record({ toolType: fc.constant("URL_CONTEXT"), response: object }) }),
      fc.record({
        inlineData: fc.record({
          mimeType: fc.constantFrom("image/png", "video/mp4"),
          data: fc.constantFrom("AQI=", "AQ=="),
        }),
      }),
      fc.record({ somethingNew: object }),
    );
    const parts = fc.array(
      fc.tuple(part, fc.oneof(signed, unsigned)).map(([one, signature]) => ({ ...one, ...signature }) as Parts[number]),
    );
    fc.assert(
      fc.property(parts, fc.array(fc.nat(3), { maxLength: 8 }), (list, cuts) => {
        const chunks = [...cutInto(list, cuts).map((some) => chunk(...some)), finish()];
        const { events, error } = decodeChunks(chunks);
        expect(error).toBeUndefined();
        const [message] = fold(events);
        const { body, ignored } = build({ messages: [{ role: MessageRole.ASSISTANT, parts: message?.parts ?? [] }] });
        expect(body.contents).toEqual([{ role: "model", parts: joined(list) }]);
        expect(ignored).toEqual([]);
      }),
    );
  });
});

function cutInto(list: Parts, sizes: readonly number[]): Parts[] {
  const chunks: Parts[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(list.slice(at, at + size));
    at += size;
  }
  return [...chunks, list.slice(at)];
}

/** What goes back of parts as they came: neighbouring texts of one kind without a signature as one, empty ones not at all. */
function joined(list: Parts): Parts {
  const parts: Parts = [];
  for (const part of list) {
    const last = parts.at(-1);
    if (typeof part.text !== "string" || part.thoughtSignature !== undefined) parts.push(part);
    else if (part.text === "") continue;
    else if (last?.text !== undefined && last.thoughtSignature === undefined && last.thought === part.thought) {
      parts[parts.length - 1] = { ...last, text: `${String(last.text)}${part.text}` };
    } else parts.push(part);
  }
  return parts;
}
