import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createJsonEnd } from "../../../src/adapters/openai/json-end.ts";

const isComplete = (...pieces: readonly string[]): boolean => {
  const end = createJsonEnd();
  for (const piece of pieces) end.add(piece);
  return end.isComplete;
};

describe("JSON that arrives in pieces", () => {
  // Mutants seen red: brackets in texts counted, an escape forgotten between pieces, quotes that are escaped taken for the end of a text.
  test("is complete with its last character and not before, wherever it is cut", () => {
    const value = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 5 }), (json, size) => {
        const text = JSON.stringify(json);
        const pieces = text.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
        expect(isComplete(...pieces)).toBe(true);
        expect(isComplete(text.slice(0, -1))).toBe(false);
      }),
    );
  });

  test("is not complete before it begins", () => {
    expect(isComplete()).toBe(false);
    expect(isComplete(" ")).toBe(false);
  });

  // Mutant seen red: words between brackets looked up without asking whether they are the table's own.
  test("may be none, and hold the names of what every object has", () => {
    expect(isComplete("[constructor,", "toString]")).toBe(true);
  });
});
