import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";
import { summary } from "../shared/summary.ts";
import { chunk, decodeChunks, decodeParts, finish } from "./decode.ts";

const reasonOf = (events: readonly ChatEvent[]): FinishReason | undefined => {
  const last = events.at(-1)?.event;
  return last?.case === "finished" ? last.value.reason : undefined;
};

describe("a function call", () => {
  test("keeps the id it has, and its arguments as they were written (mutant: stringify what was parsed)", () => {
    const { events } = decodeChunks([
      '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","id":"c1","args":{"2": 1.50,\n "1": 12345678901234567890}}}]}}]}',
      finish(),
    ]);
    expect(summary(events)).toEqual([
      "started 0 c1 f",
      'arguments 0 {"2":1.50,"1":12345678901234567890}',
      'ended 0 c1 f {"2":1.50,"1":12345678901234567890}',
      "finished STOP",
    ]);
    expect(reasonOf(events)).toBe(FinishReason.TOOL_CALLS);
  });

  test("without arguments has the empty object", () => {
    expect(summary(decodeParts([{ functionCall: { name: "f", id: "c" } }]).events)).toEqual([
      "started 0 c f",
      "ended 0 c f {}",
      "finished STOP",
    ]);
  });

  test("without an id, or with one that was there, gets one that is marked as ours (mutant: one id for all)", () => {
    const call = (id?: string) => ({ functionCall: { name: "f", args: {}, ...(id !== undefined && { id }) } });
    const { events } = decodeParts([call(), call(), call("same"), call("same")]);
    const ids = events.flatMap(({ event }) =>
      event.case === "toolCallStarted" ? [[event.value.id, event.value.idMinted]] : [],
    );
    expect(ids).toEqual([
      ["unnamed_1", true],
      ["unnamed_2", true],
      ["same", false],
      ["unnamed_3", true],
    ]);
  });

  test("has its signature on its own part, beside others in a chunk", () => {
    const { events } = decodeChunks([
      chunk(
        { functionCall: { name: "f", id: "1" }, thoughtSignature: "c2ln" },
        { functionCall: { name: "g", id: "2" } },
      ),
      finish(),
    ]);
    expect(summary(events).filter((line) => line.startsWith("state"))).toEqual([
      "state 0 gemini thought_signature c2ln",
    ]);
  });

  test("of a server that the provider asks is the provider's, and so is its answer", () => {
    const { events } = decodeParts(
      [
        { functionCall: { name: "w_get", args: { a: 1 } } },
        { functionResponse: { name: "w_get", response: { ok: true } } },
        { text: "Sunny." },
      ],
      { providerFunctions: ["w_get"] },
    );
    expect(summary(events)).toEqual([
      "started 0 unnamed_1 w_get by PROVIDER",
      'arguments 0 {"a":1}',
      'ended 0 unnamed_1 w_get {"a":1}',
      'state 0 gemini part {"functionCall":{"name":"w_get","args":{"a":1}}}',
      'result 1 unnamed_1 {"ok":true}',
      'state 1 gemini part {"functionResponse":{"name":"w_get","response":{"ok":true}}}',
      "text 2 Sunny.",
      "finished STOP",
    ]);
    expect(reasonOf(events)).toBe(FinishReason.STOP);
  });
});

describe("what the provider ran", () => {
  test("is a call and a result of code", () => {
    const { events } = decodeParts([
      { executableCode: { language: "PYTHON", code: "1/0", id: "x" }, thoughtSignature: "c2ln" },
      { codeExecutionResult: { outcome: "OUTCOME_FAILED", output: "ZeroDivisionError", id: "x" } },
    ]);
    expect(summary(events)).toEqual([
      "started 0 x code_execution by PROVIDER",
      'arguments 0 {"language":"PYTHON","code":"1/0","id":"x"}',
      'ended 0 x code_execution {"language":"PYTHON","code":"1/0","id":"x"}',
      'state 0 gemini part {"executableCode":{"language":"PYTHON","code":"1/0","id":"x"}}',
      "state 0 gemini thought_signature c2ln",
      "result 1 x failed: ZeroDivisionError",
      'state 1 gemini part {"codeExecutionResult":{"outcome":"OUTCOME_FAILED","output":"ZeroDivisionError","id":"x"}}',
      "finished STOP",
    ]);
  });

  test("without ids is matched in its order (mutant: every result answers the first call)", () => {
    const { events } = decodeParts([
      { executableCode: { code: "1" } },
      { codeExecutionResult: { outcome: "OUTCOME_OK", output: "a" } },
      { executableCode: { code: "2" } },
      { codeExecutionResult: { outcome: "OUTCOME_OK", output: "b" } },
    ]);
    expect(summary(events).filter((line) => line.startsWith("result"))).toEqual([
      "result 1 unnamed_1 a",
      "result 3 unnamed_2 b",
    ]);
  });

  test("is a call and a result of a built-in tool", () => {
    const { events } = decodeParts([
      { toolCall: { toolType: "GOOGLE_SEARCH_WEB", id: "t", args: { queries: ["x"] } } },
      { toolResponse: { toolType: "GOOGLE_SEARCH_WEB", id: "t", response: { found: 1 } } },
    ]);
    expect(summary(events).filter((line) => !line.startsWith("state"))).toEqual([
      "started 0 t GOOGLE_SEARCH_WEB by PROVIDER",
      'arguments 0 {"queries":["x"]}',
      'ended 0 t GOOGLE_SEARCH_WEB {"queries":["x"]}',
      'result 1 t {"found":1}',
      "finished STOP",
    ]);
  });
});

describe("streamed arguments", () => {
  const piece = (jsonPath: string, value: { readonly [key: string]: JsonValue }) => ({
    functionCall: { partialArgs: [{ jsonPath, ...value }], willContinue: true },
  });
  const open = (name: string) => ({ functionCall: { name, willContinue: true } });
  const argumentsOf = (events: readonly ChatEvent[]): string[] =>
    events.flatMap(({ event }) => (event.case === "toolCallFinished" ? [event.value.argumentsJson] : []));

  test("are written as they come, each value at its path", () => {
    const { events } = decodeParts([
      open("cook"),
      piece("$.recipe.name", { stringValue: "Las", willContinue: true }),
      piece("$.recipe.name", { stringValue: 'agna "x"' }),
      piece("$.recipe.parts[0].amount", { numberValue: 1.5 }),
      piece("$.recipe.parts[0].fresh", { boolValue: true }),
      { functionCall: { willContinue: true } },
      piece("$.recipe.parts[1].amount", { nullValue: "NULL_VALUE" }),
      piece("$['odd key'][0]", { stringValue: "" }),
      { functionCall: {} },
    ]);
    expect(summary(events)).toEqual([
      "started 0 unnamed_1 cook",
      'arguments 0 {"recipe":{"name":"Las',
      'arguments 0 agna \\"x\\""',
      'arguments 0 ,"parts":[{"amount":1.5',
      'arguments 0 ,"fresh":true',
      'arguments 0 },{"amount":null',
      'arguments 0 }]},"odd key":[""',
      "arguments 0 ]}",
      'ended 0 unnamed_1 cook {"recipe":{"name":"Lasagna \\"x\\"","parts":[{"amount":1.5,"fresh":true},{"amount":null}]},"odd key":[""]}',
      "finished STOP",
    ]);
  });

  test("end with the call, with the next call, with other content, or with the answer", () => {
    const last = { functionCall: { partialArgs: [{ jsonPath: "$.a", numberValue: 1 }] } };
    const calls = [open("f"), last, open("g"), piece("$.b", { numberValue: 2 }), open("g"), { text: "x" }, open("h")];
    expect(argumentsOf(decodeParts(calls).events)).toEqual(['{"a":1}', '{"b":2}', "{}", "{}"]);
  });

  test("may name their call in every piece", () => {
    const named = (value: number) => ({
      functionCall: { name: "f", partialArgs: [{ jsonPath: `$.a[${value}]`, numberValue: value }], willContinue: true },
    });
    expect(argumentsOf(decodeParts([open("f"), named(0), named(1)]).events)).toEqual(['{"a":[0,1]}']);
  });

  test("that pass over elements leave them null (mutant: no comma after one)", () => {
    expect(argumentsOf(decodeParts([open("f"), piece("$.a[2]", { numberValue: 1 })]).events)).toEqual([
      '{"a":[null,null,1]}',
    ]);
  });

  test.each([
    ["to a value that is written", ["$.a", "$.b", "$.a"]],
    ["into an object that is closed", ["$.a.b", "$.c", "$.a.d"]],
    ["to an element before", ["$.a[1]", "$.a[0]"]],
    ["into a value as if it were an object", ["$.a[0]", "$.a.b"]],
    ["nowhere", ["a"]],
    ["to the whole", ["$"]],
    ["to something that is no path", ["$.a[x]"]],
  ])("that go %s are refused", (_, paths) => {
    const { error } = decodeParts([open("f"), ...paths.map((path) => piece(path, { numberValue: 1 }))]);
    expect(error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });

  test("of any object are that object (mutant: close one level too few)", () => {
    const key = fc.stringMatching(/^[a-z_]{1,4}$/);
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.string({ unit: "grapheme" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("value"), { minLength: 1, maxLength: 3 }),
        fc.dictionary(key, tie("value"), { minKeys: 1, maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 4 }), fc.nat(3), (object, size) => {
        const { events, error } = decodeParts([open("f"), ...piecesOf(object, "$", size)]);
        expect(error).toBeUndefined();
        expect(JSON.parse(argumentsOf(events)[0] ?? "")).toEqual(object);
      }),
    );

    function piecesOf(given: JsonValue, path: string, size: number): ReturnType<typeof piece>[] {
      if (Array.isArray(given)) return given.flatMap((item, index) => piecesOf(item, `${path}[${index}]`, size));
      if (typeof given === "object" && given !== null) {
        return Object.entries(given).flatMap(([name, item]) => piecesOf(item, `${path}.${name}`, size));
      }
      if (typeof given === "string") {
        return [
          piece(path, { stringValue: given.slice(0, size), willContinue: true }),
          piece(path, { stringValue: given.slice(size) }),
        ];
      }
      if (given === null) return [piece(path, { nullValue: "NULL_VALUE" })];
      return [piece(path, typeof given === "number" ? { numberValue: given } : { boolValue: given as boolean })];
    }
  });
});
