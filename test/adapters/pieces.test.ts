import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createPieces } from "../../src/adapters/pieces.ts";

function join(pieces: readonly string[]): string[] {
  const joiner = createPieces();
  return [...pieces.map((piece) => joiner.next(piece)), joiner.rest()];
}

describe("pieces of a text", () => {
  test("no piece ends within a character, and nothing is lost (mutant: pass pieces on as they come)", () => {
    const text = fc.string({ unit: "grapheme" }).map((whole) => whole.toWellFormed());
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), (whole, cuts) => {
        const edges = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
        const joined = join(edges.slice(1).map((edge, index) => whole.slice(edges[index], edge)));
        expect(joined.join("")).toBe(whole);
        expect(joined.every((piece) => piece.isWellFormed())).toBe(true);
      }),
    );
  });

  test("half a character that stays alone becomes a replacement character", () => {
    expect(join(["a\ud83d", "b\ude00", "c\ud83d"])).toEqual(["a", "\ufffdb\ufffd", "c", "\ufffd"]);
  });
});
