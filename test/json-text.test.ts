import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeJson, isJsonObjectText, joinMembers, jsonElements, jsonMembers, rawJson } from "../src/json-text.ts";

describe("JSON text", () => {
  test("goes into a body as it is: digits, key order and spaces", () => {
    const schema = '{ "z": 12345678901234567890, "1": 1.10 }';
    expect(encodeJson({ a: [rawJson(schema), 9007199254740993n], b: undefined })).toBe(
      `{"a":[${schema},9007199254740993]}`,
    );
  });

  test("is written as JSON.stringify writes it, for any JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(encodeJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("is taken apart and put together without a change, for any object or list", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom("", " ", "\n\t"), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const members = jsonMembers(text);
        expect([...members.keys()]).toEqual(Object.keys(value));
        expect(JSON.parse(joinMembers(members))).toEqual(JSON.parse(text));
        for (const [key, member] of members) expect(JSON.parse(member)).toEqual(JSON.parse(JSON.stringify(value[key])));
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom("", "  "), (value, indent) => {
        const elements = jsonElements(JSON.stringify(value, undefined, indent));
        expect(elements.map((element): unknown => JSON.parse(element))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("is read like JSON.parse where keys repeat or look like no keys", () => {
    const text = '{"a":1,"a":2,"__proto__":{"b":1},"\\u0061b":"\\"}","c\\\\":[]}';
    expect([...jsonMembers(text)]).toEqual([
      ["a", "2"],
      ["__proto__", '{"b":1}'],
      ["ab", '"\\"}"'],
      ["c\\", "[]"],
    ]);
  });

  test("may be nested deeper than any stack", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(jsonMembers(`{"a":${deep},"b":1}`).get("a")).toBe(deep);
  });

  test("is an object only if all of it is one", () => {
    expect(["{}", ' {"a":1}\n'].map(isJsonObjectText)).toEqual([true, true]);
    expect(["[]", "null", '{"a":1},"n":2', "{", ""].map(isJsonObjectText)).toEqual([false, false, false, false, false]);
  });
});
