import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type ParsedScripts, parseScripts } from "../../../src/adapters/mock/parse.ts";
import { failingScripts, successScripts } from "../shared/scripts.ts";
import { mockWire } from "./wire.ts";

const problemsOf = (parsed: ParsedScripts): readonly string[] =>
  "problems" in parsed ? parsed.problems.map(({ path, message }) => `${path.join(".")} ${message}`) : [];

const wrong = (...script: readonly unknown[]): readonly string[] => problemsOf(parseScripts({ script }));

describe("a script", () => {
  test("that was parsed parses to itself", () => {
    fc.assert(
      fc.property(fc.oneof(successScripts(mockWire), failingScripts(mockWire)), (script) => {
        const once = parseScripts({ script: JSON.parse(JSON.stringify(script)) });
        expect(once).toEqual({ scripts: [script] });
        expect(parseScripts({ scripts: "scripts" in once ? once.scripts : [] })).toEqual(once);
      }),
    );
  });

  test("may be short: one text for one piece, a word for a reason", () => {
    expect(
      parseScripts({ script: [{ text: "Hi" }, { tool_call: { name: "go", arguments: "{}" } }, { finish: "STOP" }] }),
    ).toEqual({
      scripts: [[{ text: ["Hi"] }, { tool_call: { name: "go", arguments: ["{}"] } }, { finish: { reason: "STOP" } }]],
    });
    expect(parseScripts({ script: [{ error: "PROVIDER_INTERNAL" }] })).toEqual({
      scripts: [[{ error: { reason: "PROVIDER_INTERNAL" } }]],
    });
  });

  test("is absent where there is none", () => {
    expect(parseScripts({})).toEqual({ scripts: [] });
  });

  // Mutant: unknown names are dropped instead of reported.
  test("is refused for what nobody knows, with the path", () => {
    expect(problemsOf(parseScripts({ script: [], skript: [] }))).toEqual(["skript is not known here"]);
    expect(wrong({ text: "a", loud: true })).toEqual(["script.0.loud is not known here"]);
    expect(wrong({ tool_call: { name: "go", __proto__: null, args: "{}" } })).toEqual([
      "script.0.tool_call.args is not known here",
    ]);
    expect(wrong(JSON.parse('{"text":"a","__proto__":{"part":"p"}}'))).toEqual([
      "script.0.__proto__ is not known here",
    ]);
    expect(wrong({ usage: { input_tokens: 3 } })).toEqual(["script.0.usage.input_tokens is not known here"]);
  });

  test("is refused for steps that are none or two", () => {
    for (const step of [{}, { txt: "a" }, { text: "a", reasoning: "b" }, "text", null, 7, ["text"]]) {
      expect(wrong(step)).toEqual([
        expect.stringMatching(/^script\.0 must be an object with exactly one of text, reasoning/),
      ]);
    }
  });

  test.each([
    ["an empty piece", { text: ["a", ""] }, "script.0.text.1 must not be empty"],
    ["no piece", { text: [] }, "script.0.text must not be empty"],
    ["a piece that is no text", { text: ["a", 7] }, "script.0.text.1 must be a text"],
    ["half a character", { text: "\ud83d" }, "script.0.text.0 is not well-formed Unicode"],
    ["too many repeats", { text: "a", repeat: 1_000_001 }, "script.0.repeat must be a whole number from 1 to 1000000"],
    ["a fraction of a delay", { delay_ms: 0.5 }, "script.0.delay_ms must be a whole number from 0 to 3600000"],
    ["a call without a name", { tool_call: {} }, "script.0.tool_call.name is missing"],
    [
      "the platform as executor",
      { tool_call: { name: "go", executor: "PLATFORM" } },
      "script.0.tool_call.executor must be one of CALLER, PROVIDER",
    ],
    [
      "bytes that are not base64",
      { image: { data: "%%%%", mime_type: "image/png" } },
      "script.0.image.data is not base64",
    ],
    [
      "a probability above one",
      { logprobs: [{ token: "a", logprob: 0.1 }] },
      "script.0.logprobs.0.logprob must be a number from -1000000 to 0",
    ],
    [
      "negative usage",
      { usage: { input_total: -1 } },
      "script.0.usage.input_total must be a whole number from 0 to 4294967295",
    ],
    ["a switch that is off", { stall: false }, "script.0.stall must be true"],
    [
      "a delay within a read",
      { together: [{ delay_ms: 1 }] },
      "script.0.together.0 must be an object with exactly one of text, ",
    ],
  ])("is refused for %s", (_what, step, problem) => {
    expect(wrong(step)).toEqual([expect.stringContaining(problem)]);
  });

  test("is refused for a reason nobody knows", () => {
    expect(wrong({ error: "OUT_OF_COFFEE" })).toEqual([
      expect.stringMatching(/^script\.0\.error\.reason must be one of AUTH_INVALID, /),
    ]);
    expect(wrong({ finish: "UNSPECIFIED" })).toEqual([
      expect.stringMatching(/^script\.0\.finish\.reason must be one of STOP, /),
    ]);
  });

  test("names everything that is wrong at once", () => {
    expect(wrong({ text: "" }, { text: "fine" }, { image: {} })).toEqual([
      "script.0.text.0 must not be empty",
      "script.2.image.data is missing",
      "script.2.image.mime_type is missing",
    ]);
  });

  test("cannot be given twice", () => {
    expect(problemsOf(parseScripts({ script: [], scripts: [[]] }))).toEqual([
      "scripts must not be given beside script",
    ]);
    expect(problemsOf(parseScripts(null))).toEqual([" must be an object"]);
  });
});

describe("the rules of a script as a whole", () => {
  test("nothing comes after its end", () => {
    const after = ["script.0 ends the answer, so it must be the last step"];
    for (const end of [
      { finish: "STOP" },
      { error: "BUG" },
      { truncate: true },
      { stall: true },
      { together: [{ finish: "STOP" }] },
    ]) {
      expect(wrong(end, { text: "more" })).toEqual(after);
      expect(wrong({ text: "before" }, end)).toEqual([]);
    }
    expect(wrong({ together: [{ finish: "STOP" }, { text: "more" }] })).toEqual([
      "script.0.together.0 ends the answer, so it must be the last step",
    ]);
  });

  test("a label names one part", () => {
    expect(wrong({ text: "a", part: "p" }, { reasoning: "b", part: "p" })).toEqual([
      "script.1.part is the label of a part of another kind",
    ]);
    expect(wrong({ text: "a", part: "p" }, { tool_call: { name: "go", part: "p" } })).toEqual([
      "script.1.tool_call.part is the label of another part",
    ]);
    expect(
      wrong({
        tool_calls: [
          { name: "a", part: "p" },
          { name: "b", part: "p" },
        ],
      }),
    ).toEqual(["script.0.tool_calls.1.part is the label of another part"]);
    expect(wrong({ reasoning: "a", part: "p" }, { citation: {}, part: "p" })).toEqual([
      "script.1.part is the label of a part of another kind",
    ]);
    expect(wrong({ provider_state: { kind: "s", data: "" }, part: "p" }, { text: "a", part: "p" })).toEqual([]);
  });

  // Mutant: usage is compared with nothing.
  test("provisional usage never decreases, and ends with the final one", () => {
    expect(wrong({ usage: { input_total: 5, output_total: 2 } }, { usage: { input_total: 4 } })).toEqual([
      "script.1.usage.input_total must not be lower than the 5 before, unless the usage is final",
      "script.1.usage.output_total must not be lower than the 2 before, unless the usage is final",
    ]);
    expect(wrong({ usage: { input_total: 5 } }, { usage: { input_total: 4, final: true } })).toEqual([]);
    expect(wrong({ usage: { final: true } }, { usage: {} })).toEqual(["script.1.usage comes after the final usage"]);
    expect(wrong({ usage: {} }, { no_usage: true })).toEqual(["script.1.no_usage contradicts the usage before"]);
    expect(wrong({ no_usage: true }, { usage: {} })).toEqual(["script.1.usage contradicts no_usage"]);
  });

  test("ids are unique, and a result has its call", () => {
    expect(wrong({ tool_call: { name: "a", id: "x" } }, { tool_calls: [{ name: "b", id: "x" }] })).toEqual([
      "script.1.tool_calls.0.id is the id of an earlier tool call",
    ]);
    expect(
      wrong({
        tool_calls: [
          { name: "a", id: "" },
          { name: "b", id: "" },
        ],
      }),
    ).toEqual([]);
    expect(wrong({ tool_call: { name: "a", id: "x" } }, { tool_result: { id: "x", text: "r" } })).toEqual([
      "script.1.tool_result.id is not the id of an earlier tool_call with executor PROVIDER",
    ]);
  });

  test("what is one read is not cut into several", () => {
    expect(wrong({ together: [{ text: "a", repeat: 2, per_read: 2 }] })).toEqual([
      "script.0.together.0.repeat has no place in together",
      "script.0.together.0.per_read has no place in together",
    ]);
  });
});
