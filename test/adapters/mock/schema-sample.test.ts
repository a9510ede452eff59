import { describe, expect, test } from "@jest/globals";
import { type JsonValue, sampleOfSchema } from "../../../src/adapters/mock/schema-sample.ts";

const cases: readonly (readonly [string, JsonValue, JsonValue])[] = [
  [
    "a text, after its property",
    { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    { city: "city" },
  ],
  ["no property that is not required", { type: "object", properties: { a: {}, b: {} }, required: ["b"] }, { b: {} }],
  [
    "as many properties as it must",
    { type: "object", properties: { a: { type: "null" } }, minProperties: 2 },
    { a: null, property1: {} },
  ],
  ["a required property without a schema", { required: ["x"], additionalProperties: { type: "integer" } }, { x: 0 }],
  ["const", { const: { a: [1] } }, { a: [1] }],
  ["default", { type: "integer", default: 7 }, 7],
  ["enum", { enum: ["red", "green"] }, "red"],
  ["examples", { type: "string", examples: ["like this"] }, "like this"],
  ["the first of several types", { type: ["string", "null"] }, "text"],
  ["a boolean", { type: "boolean" }, false],
  ["as few items as allowed", { type: "array", items: { type: "string" }, minItems: 2 }, ["text", "text"]],
  ["an empty list", { type: "array", items: { type: "string" } }, []],
  ["items by place", { prefixItems: [{ type: "integer" }], items: { type: "boolean" }, minItems: 2 }, [0, false]],
  ["a text that is long enough", { type: "string", minLength: 6 }, "textxx"],
  ["a text that is short enough", { type: "string", maxLength: 2 }, "te"],
  ["a date", { type: "string", format: "date" }, "2000-01-01"],
  ["an unknown format", { type: "string", format: "constructor" }, "text"],
  ["a number above a minimum", { type: "integer", minimum: 3 }, 3],
  ["a number above an exclusive minimum", { type: "integer", exclusiveMinimum: 3 }, 4],
  ["a number below a maximum", { type: "integer", maximum: -3 }, -3],
  ["a number between", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
  ["a multiple", { type: "integer", minimum: 4, multipleOf: 5 }, 5],
  ["a reference", { $ref: "#/$defs/a~1b", $defs: { "a/b": { type: "integer" } } }, 0],
  ["the first alternative", { anyOf: [{ type: "string" }, { type: "null" }] }, "text"],
  [
    "all of all",
    { allOf: [{ properties: { a: { type: "string" } } }, { required: ["a"] }], type: "object" },
    { a: "a" },
  ],
  ["anything", true, {}],
];

describe("the sample of a schema", () => {
  test.each(cases)("has %s", (_what, schema, sample) => {
    expect(sampleOfSchema(schema)).toEqual(sample);
  });

  // Mutant: no budget of schemas. Each of these would then take longer than the world will last.
  test.each<[string, JsonValue]>([
    [
      "refers to itself twice",
      { type: "object", properties: { a: { $ref: "#" }, b: { $ref: "#" } }, required: ["a", "b"] },
    ],
    ["is all of itself twice", { allOf: [{ $ref: "#" }, { $ref: "#" }] }],
    ["has lists of lists of lists", { type: "array", minItems: 1e9, items: { $ref: "#" } }],
    ["wants a billion characters", { type: "string", minLength: 1e9 }],
    ["wants a billion properties", { type: "object", minProperties: 1e9 }],
  ])("comes to an end where the schema %s", (_what, schema) => {
    expect(JSON.stringify(sampleOfSchema(schema)).length).toBeLessThan(100_000);
  });

  test("does not run the caller's expressions", () => {
    expect(sampleOfSchema({ type: "string", minLength: 40, pattern: "^(x+x+)+y$" })).toMatch(/^textx+$/);
  });
});
