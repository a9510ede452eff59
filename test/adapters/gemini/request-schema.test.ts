import { beforeEach, describe, expect, test } from "@jest/globals";
import { toOpenApi } from "../../../src/adapters/gemini/request-schema.ts";
import { encodeJson } from "../../../src/json-text.ts";

const told: string[] = [];
const convert = (schema: string): string =>
  encodeJson(toOpenApi(schema, "schema", { changed: (field, why) => told.push(`${field}: ${why}`) }));

beforeEach(() => {
  told.length = 0;
});

describe("a JSON Schema as the OpenAPI subset", () => {
  test.each([
    ["types are in upper case", '{"type":"integer","minimum":1.50}', '{"type":"INTEGER","minimum":1.50}'],
    [
      "types that are so stay",
      '{"type":"OBJECT","properties":{"a":{"type":6}}}',
      '{"type":"OBJECT","properties":{"a":{"type":6}}}',
    ],
    ["null among the types is nullable", '{"type":["string","null"]}', '{"type":"STRING","nullable":true}'],
    [
      "several types are alternatives",
      '{"type":["string","integer","null"]}',
      '{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}],"nullable":true}',
    ],
    ["null alone stays", '{"type":"null"}', '{"type":"NULL"}'],
    [
      "an alternative that is null is nullable",
      '{"anyOf":[{"type":"string"},{"type":"null"}],"title":"T"}',
      '{"type":"STRING","nullable":true,"title":"T"}',
    ],
    [
      "one of several is any of them",
      '{"oneOf":[{"type":"string"},{"type":"number"}]}',
      '{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}',
    ],
    ["a constant is an enum of one", '{"const":"a"}', '{"enum":["a"]}'],
    [
      "what the subset lacks is left out",
      '{"$schema":"x","type":"object","additionalProperties":false}',
      '{"type":"OBJECT"}',
    ],
    [
      "names of properties are nobody's words",
      '{"type":"object","properties":{"type":{"type":"string"},"$ref":{"items":{"type":"array"}}}}',
      '{"type":"OBJECT","properties":{"type":{"type":"STRING"},"$ref":{"items":{"type":"ARRAY"}}}}',
    ],
    [
      "references are what they mean",
      '{"properties":{"a":{"$ref":"#/$defs/A","description":"d"}},"$defs":{"A":{"type":"string","description":"of A"}}}',
      '{"properties":{"a":{"type":"STRING","description":"d"}}}',
    ],
    ["true is no schema to change", '{"properties":{"a":true}}', '{"properties":{"a":true}}'],
  ])("%s", (_, schema, converted) => {
    expect(convert(schema)).toBe(converted);
  });

  test("says once which members of meaning it lost, and no word of the others (mutant: left out in silence)", () => {
    convert('{"$schema":"x","$defs":{"A":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/A"}}}');
    expect(told).toEqual([]);
    convert('{"not":{},"properties":{"a":{"additionalProperties":false},"b":{"not":{},"additionalProperties":false}}}');
    expect(told).toEqual(["schema: the OpenAPI subset has no not, additionalProperties"]);
  });

  test("has an end and leads somewhere, or is refused", () => {
    const endless =
      '{"$ref":"#/definitions/A","definitions":{"A":{"type":"object","properties":{"a":{"$ref":"#/definitions/A"}}}}}';
    const circle = '{"$ref":"#/definitions/A","definitions":{"A":{"$ref":"#/definitions/A"}}}';
    for (const schema of [endless, circle, '{"$ref":"#/$defs/A"}', '{"$ref":"https://a"}']) {
      expect(() => convert(schema)).toThrow(expect.objectContaining({ reason: "INVALID_FIELD" }));
    }
  });

  test("does not grow without bound where references multiply (mutant: no bound)", () => {
    const names = Array.from({ length: 40 }, (_, index) => index);
    const definitions = names.map((index) => {
      const next = `{"$ref":"#/$defs/d${index + 1}"}`;
      return `"d${index}":{"type":"object","properties":{"a":${next},"b":${next}}}`;
    });
    const schema = `{"$ref":"#/$defs/d0","$defs":{${definitions.join(",")},"d40":{"type":"string"}}}`;
    expect(() => convert(schema)).toThrow(expect.objectContaining({ reason: "INVALID_FIELD" }));
  });
});
