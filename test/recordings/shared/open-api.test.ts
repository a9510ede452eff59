import { describe, expect, test } from "@jest/globals";
import type { JsonValue } from "../../emulators/exchange.ts";
import { openApiCheck } from "./open-api.ts";
import { type SpecWaiver, specProblems } from "./specs.ts";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const tagged = (type: string, more: Readonly<Record<string, JsonValue>>) => ({
  type: "object",
  required: ["type"],
  properties: { type: { type: "string", enum: [type], "x-const": true }, ...more },
});

const schemas = {
  Whole: {
    allOf: [
      ref("Base"),
      { type: "object", required: ["parts"], properties: { parts: { type: "array", items: ref("Part") } } },
    ],
  },
  Base: {
    type: "object",
    properties: {
      name: { type: "string", nullable: true, example: "x" },
      free: { type: "object" },
      open: { type: "object", properties: { a: { type: "number" } }, additionalProperties: true },
      inner: { type: "object", properties: { nullable: { type: "string" }, oneOf: { type: "string" } } },
    },
  },
  Part: { oneOf: [ref("Text"), ref("Deep")], discriminator: { propertyName: "type" } },
  Text: tagged("text", { text: { type: "string", format: "uri" } }),
  Deep: tagged("deep", { deep: { type: "object", properties: { type: { const: "x" } } } }),
};

const check = openApiCheck({ openapi: "3.1.0", components: { schemas } }, "Whole");

/** Mutants seen red are named: changes of `open-api.ts`. */
describe("a check against an OpenAPI schema", () => {
  test.each<[string, JsonValue]>([
    ["members of every part of an allOf (mutant: the parts are closed)", { parts: [], name: "x" }],
    ["null where it is nullable (mutant: nullable is dropped)", { parts: [], name: null }],
    ["anything in an object that lists nothing, or says it is open", { parts: [], free: { b: 1 }, open: { b: 1 } }],
    ["properties that are called as keywords are", { parts: [], inner: { nullable: "x", oneOf: "x" } }],
    ["a text of any format", { parts: [{ type: "text", text: "no URI" }] }],
  ])("takes %s", (_what, value) => {
    expect(check(value)).toEqual([]);
  });

  test.each<[string, JsonValue, string]>([
    ["an unknown member (mutant: the whole is left open)", { parts: [], b: 1 }, "/ must NOT have unevaluated"],
    ["one further below (mutant: only an allOf is closed)", { parts: [], inner: { b: 1 } }, "/inner must NOT have"],
    ["one of a chosen part", { parts: [{ type: "text", b: 1 }] }, "/parts/0 must NOT have unevaluated"],
    ["a missing member", {}, "/ must have required property 'parts'"],
    ["a name nobody has", { parts: [{ type: "other" }] }, "/parts/0/type must be equal to one of"],
  ])("refuses %s", (_what, value, problem) => {
    expect(check(value)).toEqual([expect.stringContaining(problem)]);
  });

  test("says what is wrong with the part that was meant, and nothing of the others (mutant: every part of a choice is tried)", () => {
    expect(check({ parts: [{ type: "text", text: 1 }] })).toEqual(['/parts/0/text must be string {"type":"string"}']);
    expect(check({ parts: [{ type: "deep", deep: 1 }] })).toEqual(['/parts/0/deep must be object {"type":"object"}']);
  });

  test("throws where there is no such schema", () => {
    expect(() => openApiCheck({ components: { schemas } }, "Nothing")).toThrow("no schema Nothing");
  });
});

test("what is waived is left out, members and elements, and nothing else is", () => {
  const waivers: readonly SpecWaiver[] = [
    { path: /^b$/, reason: "member" },
    { path: /^parts\[\d+\]$/, only: (value) => JSON.stringify(value) === "1", reason: "element" },
  ];
  const used: string[] = [];
  const problems = (value: Readonly<Record<string, JsonValue>>): string[] =>
    specProblems(check, value, waivers, ({ reason }, path) => used.push(`${reason} ${path}`));
  expect(problems({ parts: [1, { type: "text" }, 1], b: 1 })).toEqual([]);
  expect(used).toEqual(["element parts[]", "element parts[]", "member b"]);
  expect(problems({ parts: [2] })).toHaveLength(1);
  expect(problems({ parts: [], inner: { b: 1 } })).toHaveLength(1);
});
