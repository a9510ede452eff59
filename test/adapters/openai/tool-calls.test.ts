import { describe, expect, test } from "@jest/globals";
import type { JsonValue } from "../../emulators/exchange.ts";
import { decodeChunks, decodeDocument, delta, stop, summary } from "./decode.ts";

const call = (entry: { readonly [key: string]: JsonValue }) => delta({ tool_calls: [{ type: "function", ...entry }] });
const withoutEnd = (events: readonly string[]) => events.filter((event) => !event.startsWith("finished"));
const decode = (chunks: readonly JsonValue[]) =>
  withoutEnd(summary(decodeChunks([...chunks, stop("tool_calls")]).events));
const decodeCalls = (calls: readonly JsonValue[]) =>
  withoutEnd(
    summary(
      decodeDocument({ choices: [{ message: { content: null, tool_calls: calls }, finish_reason: "tool_calls" }] })
        .events,
    ),
  );

describe("tool calls in a stream", () => {
  test("interleave by index, and end together (mutant: always the last call)", () => {
    expect(
      decode([
        call({ index: 0, id: "a", function: { name: "f", arguments: "" } }),
        call({ index: 1, id: "b", function: { name: "g", arguments: "" } }),
        call({ index: 0, function: { arguments: '{"x"' } }),
        call({ index: 1, function: { arguments: "{}" } }),
        call({ index: 0, function: { arguments: ":1}" } }),
      ]),
    ).toEqual([
      "started 0 a f",
      "started 1 b g",
      'arguments 0 {"x"',
      "arguments 1 {}",
      "arguments 0 :1}",
      'ended 0 a f {"x":1}',
      "ended 1 b g {}",
    ]);
  });

  test("without arguments have {} (mutant: end with an empty text)", () => {
    expect(decode([call({ index: 0, id: "a", function: { name: "f", arguments: "" } })])).toEqual([
      "started 0 a f",
      "ended 0 a f {}",
    ]);
  });

  test("without an index are told apart by their names and ids (Mistral)", () => {
    const both = delta({
      tool_calls: [
        { id: "a", function: { name: "f", arguments: "{}" } },
        { id: "b", function: { name: "f", arguments: "[]" } },
      ],
    });
    expect(decode([both])).toEqual([
      "started 0 a f",
      "arguments 0 {}",
      "started 1 b f",
      "arguments 1 []",
      "ended 0 a f {}",
      "ended 1 b f []",
    ]);
    expect(
      decode([
        call({ id: "a", function: { name: "f", arguments: "{" } }),
        call({ id: "a", function: { arguments: "}" } }),
        call({ function: { arguments: " " } }),
      ]),
    ).toEqual(["started 0 a f", "arguments 0 {", "arguments 0 }", "arguments 0  ", "ended 0 a f {} "]);
  });

  test("with the same index are told apart by their ids, else by being complete (Gemini)", () => {
    const whole = (id: string, text: string) => call({ index: 0, id, function: { name: "f", arguments: text } });
    expect(decode([whole("a", "{}"), whole("b", "{}")])).toEqual([
      "started 0 a f",
      "arguments 0 {}",
      "started 1 b f",
      "arguments 1 {}",
      "ended 0 a f {}",
      "ended 1 b f {}",
    ]);
    expect(decode([whole("", '{"a":1}'), whole("", "{}")])).toEqual([
      "started 0 minted-1 f",
      'arguments 0 {"a":1}',
      "started 1 minted-2 f",
      "arguments 1 {}",
      'ended 0 minted-1 f {"a":1}',
      "ended 1 minted-2 f {}",
    ]);
  });

  test("whose id and name are repeated with each piece are one (mutant: a name begins a call)", () => {
    const piece = (text: string) => call({ index: 0, id: "a", function: { name: "f", arguments: text } });
    expect(decode([piece("{"), piece("}")])).toEqual([
      "started 0 a f",
      "arguments 0 {",
      "arguments 0 }",
      "ended 0 a f {}",
    ]);
  });

  test("wait for their name, and other parts do not wait for them", () => {
    expect(
      decode([
        call({ index: 0, id: "a", function: { arguments: "{" } }),
        delta({ content: "x" }),
        call({ index: 0, function: { name: "f", arguments: "}" } }),
      ]),
    ).toEqual(["text 0 x", "started 1 a f", "arguments 1 {", "arguments 1 }", "ended 1 a f {}"]);
  });

  test("with an id that was used already get another, and it says so (mutant: keep the id)", () => {
    const { events } = decodeChunks([
      call({ index: 0, id: "a", function: { name: "f", arguments: "" } }),
      call({ index: 1, id: "a", function: { name: "f", arguments: "" } }),
      stop(),
    ]);
    const started = events.flatMap(({ event }) =>
      event.case === "toolCallStarted" ? [[event.value.id, event.value.idMinted]] : [],
    );
    expect(started).toEqual([
      ["a", false],
      ["minted-1", true],
    ]);
  });

  test("of tools that take free text are marked, and their text is theirs", () => {
    const { events } = decodeChunks([
      delta({ tool_calls: [{ index: 0, id: "a", type: "custom", custom: { name: "f", input: "4 +" } }] }),
      delta({ tool_calls: [{ index: 0, custom: { input: " 4" } }] }),
      stop(),
    ]);
    expect(events[0]?.event.value).toMatchObject({ freeForm: true, name: "f" });
    expect(events.at(-2)?.event.value).toMatchObject({ argumentsJson: "4 + 4", argumentsValid: false, freeForm: true });
  });

  test("of the old form are calls too", () => {
    expect(
      decode([delta({ function_call: { name: "f", arguments: "{" } }), delta({ function_call: { arguments: "}" } })]),
    ).toEqual(["started 0 minted-1 f", "arguments 0 {", "arguments 0 }", "ended 0 minted-1 f {}"]);
  });

  test("carry the provider's state with their part", () => {
    const extra_content = { google: { thought_signature: "s" } };
    const entry = { index: 0, id: "a", function: { name: "f", arguments: "{}" }, extra_content };
    expect(decode([call(entry)])).toEqual([
      "started 0 a f",
      "arguments 0 {}",
      `state 0 vendor extra_content ${JSON.stringify(extra_content)}`,
      "ended 0 a f {}",
    ]);
  });

  test("with halves of a character at the end of a piece keep it whole", () => {
    expect(
      decode([
        call({ index: 0, id: "a", function: { name: "f", arguments: '"\ud83d' } }),
        call({ index: 0, function: { arguments: '\ude42"' } }),
      ]),
    ).toEqual(["started 0 a f", 'arguments 0 "', 'arguments 0 🙂"', 'ended 0 a f "🙂"']);
  });
});

describe("tool calls in a whole answer", () => {
  test("are each a call of its own, whatever their index and id (mutant: tell apart by index)", () => {
    const entry = { index: 0, id: "", function: { name: "f", arguments: "" } };
    expect(decodeCalls([entry, entry])).toEqual([
      "started 0 minted-1 f",
      "started 1 minted-2 f",
      "ended 0 minted-1 f {}",
      "ended 1 minted-2 f {}",
    ]);
  });

  test("with an object for arguments keep its digits and order (mutant: JSON.stringify of the parsed chunk)", () => {
    const document =
      '{"choices":[{"finish_reason":"stop","message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"z":12345678901234567890,"a":[1.10,"x"]}}}]}}]}';
    const { events } = decodeDocument(document);
    expect(events.at(-2)?.event.value).toMatchObject({
      argumentsJson: '{"z":12345678901234567890,"a":[1.10,"x"]}',
      argumentsValid: true,
    });
  });
});
