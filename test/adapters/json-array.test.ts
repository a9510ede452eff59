import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createJsonArrayDecoder } from "../../src/adapters/json-array.ts";

function decode(reads: readonly (Uint8Array | string)[], maxElementBytes = 10_000) {
  const decoder = createJsonArrayDecoder({ maxElementBytes });
  const elements: string[] = [];
  for (const read of reads) {
    decoder.push(typeof read === "string" ? Buffer.from(read) : read, (text) => elements.push(text));
  }
  return { elements, closed: decoder.closed };
}

/** Objects with what has broken splitters before: brackets, quotes and backslashes in texts, characters of several bytes. */
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom('"', "\\", '\\"', "[{", "}],", "👩‍💻", "é", "\u2028", "\u0000"),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.constantFrom<unknown>(null, true, -1.5e300, 0),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(text, tie("value"), { maxKeys: 3 }),
  ),
}));
const objects = fc.array(fc.dictionary(text, value, { maxKeys: 4 }), { maxLength: 5 });
const blank = fc.constantFrom("", " ", "\n", "\r\n\t");

describe("the decoder of JSON arrays", () => {
  test("gives each object as it was written, however it is indented", () => {
    expect(decode(['\n[{\n  "a": [1, "]"]\n}\n,\r\n{}\n]\n'])).toEqual({
      elements: ['{\n  "a": [1, "]"]\n}', "{}"],
      closed: true,
    });
    expect(decode(["[]"])).toEqual({ elements: [], closed: true });
  });

  test("hands over an object as soon as it is whole, and is closed by the bracket only (mutant: closed after each object)", () => {
    expect(decode(['[{"a":1}'])).toEqual({ elements: ['{"a":1}'], closed: false });
    expect(decode(['[{"a":1},{"b"'])).toEqual({ elements: ['{"a":1}'], closed: false });
  });

  test("reads a short array cut at every pair of bytes like the whole", () => {
    const bytes = Buffer.from('[{"a":"é\\"]👩"},{"b":[{}]}]');
    const whole = decode([bytes]);
    for (let one = 0; one <= bytes.length; one += 1) {
      for (let two = one; two <= bytes.length; two += 1) {
        expect(decode([bytes.subarray(0, one), bytes.subarray(one, two), bytes.subarray(two)])).toEqual(whole);
      }
    }
  });

  test("reads any split of an array like the whole (mutants: decode each read by itself; forget a backslash at its end)", () => {
    fc.assert(
      fc.property(objects, blank, fc.array(fc.nat(600)), (list, space, cuts) => {
        const written = list.map((one) => JSON.stringify(one, null, space));
        const bytes = Buffer.from(`${space}[${space}${written.join(`${space},${space}`)}${space}]${space}`);
        const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const reads = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(decode(reads)).toEqual({ elements: written.map((one) => one.toWellFormed()), closed: true });
      }),
    );
  });

  test.each([
    ["no array", '{"a":1}'],
    ["a number in it", "[1]"],
    ["a text in it", '["a"]'],
    ["no comma between two", "[{}{}]"],
    ["two commas between two", "[{},,{}]"],
    ["something after it", "[{}] x"],
  ])("refuses %s", (_, body) => {
    expect(() => decode([body])).toThrow(expect.objectContaining({ reason: "PROVIDER_PROTOCOL" }));
  });

  test("refuses an object that grows beyond its bound, whole or in pieces (mutant: no bound)", () => {
    const large = `[{"a":"${"x".repeat(100)}"}]`;
    expect(decode([large], 200).elements).toHaveLength(1);
    expect(() => decode([large], 50)).toThrow(expect.objectContaining({ reason: "PROVIDER_PROTOCOL" }));
    expect(() => decode([...large], 50)).toThrow(expect.objectContaining({ reason: "PROVIDER_PROTOCOL" }));
    expect(decode([`[${'{"a":1},'.repeat(100)}{}]`], 10).elements).toHaveLength(101);
  });
});
