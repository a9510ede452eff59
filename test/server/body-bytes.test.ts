import { expect, test } from "@jest/globals";
import { createBodyBytes, LARGE_BYTES } from "../../src/server/body-bytes.ts";

const body = Buffer.from(Array.from({ length: 3 * LARGE_BYTES }, (_each, index) => index % 251));

// Mutant seen red: pieces written over each other.
test.each([1, 7, 1000, LARGE_BYTES, body.length])("a body in pieces of %d bytes is the whole", (pieceBytes) => {
  const bytes = createBodyBytes(undefined);
  for (let at = 0; at < body.length; at += pieceBytes) bytes.add(body.subarray(at, at + pieceBytes));
  expect(bytes.size()).toBe(body.length);
  expect(body.equals(bytes.take())).toBe(true);
});

// A body of one byte a piece would else keep a hundred times as much. Mutant seen red: pieces kept as they came, and joined at the end.
test("pieces are copied, so that nothing of the reads they came in is kept", () => {
  const bytes = createBodyBytes(undefined);
  const read = Buffer.from("ab");
  bytes.add(Buffer.from("x"));
  bytes.add(read);
  read.fill("z");
  expect(Buffer.from(bytes.take()).toString()).toBe("xab");
});

// Mutants seen red: scanned from its beginning each time; small bodies scanned too.
test("a large body is scanned once, in order, and a small one is left to whoever decodes it", () => {
  const scanned: Uint8Array[] = [];
  const bytes = createBodyBytes((piece) => scanned.push(Buffer.from(piece)));
  bytes.add(body.subarray(0, LARGE_BYTES));
  expect(scanned).toEqual([]);
  for (let at = LARGE_BYTES; at < body.length; at += 1000) bytes.add(body.subarray(at, at + 1000));
  expect(body.equals(Buffer.concat(scanned))).toBe(true);
});

test("what the scan refuses is refused with the piece it stands in", () => {
  const bytes = createBodyBytes(() => {
    throw new Error("too much");
  });
  bytes.add(body.subarray(0, LARGE_BYTES));
  expect(() => bytes.add(body.subarray(0, 1))).toThrow("too much");
});
