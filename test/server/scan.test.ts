import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { createJsonScan, type Scan } from "../../src/server/scan.ts";
import { createBinaryScan } from "../../src/server/scan-binary.ts";

const LARGE = 16 * 1024 * 1024;

/** What a scan refuses bytes with that come in pieces of a size; undefined if it refuses nothing. */
function refusal(scan: Scan, bytes: Uint8Array, pieceBytes = 65_536): string | undefined {
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) scan(bytes.subarray(at, at + pieceBytes));
    return undefined;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown.reason;
    throw thrown;
  }
}

const binary = (bytes: Uint8Array, pieceBytes?: number): string | undefined =>
  refusal(createBinaryScan(ChatRequestSchema), bytes, pieceBytes);
const json = (text: string | Uint8Array, pieceBytes?: number): string | undefined =>
  refusal(createJsonScan(), Buffer.from(text), pieceBytes);

/** A field with a length: its tag, and its content. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** As many repetitions as come to 16 MiB. */
const repeated = (piece: Uint8Array): Buffer => Buffer.alloc(LARGE - (LARGE % piece.length), piece);

/** Tool results (part 7, its parts 3) in one another, padded beyond what is not scanned. */
function nested(depth: number): Buffer {
  let part: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) part = field(7, field(3, part));
  return Buffer.concat([field(4, field(2, part)), field(1, Buffer.alloc(200_000, "p"))]);
}

/** The largest conversation the contract allows by its number of messages. */
const conversation = create(ChatRequestSchema, {
  persona: "p",
  messages: Array.from({ length: 10_000 }, (_each, index) => ({
    role: index % 2 === 0 ? MessageRole.USER : MessageRole.ASSISTANT,
    parts: [{ kind: { case: "text" as const, value: { text: 'some "words" and \\ more' } } }],
  })),
  metadata: { a: "b" },
});

describe("a serialized message", () => {
  // Mutant seen red: no count of values.
  test.each([
    ["empty messages", repeated(field(4, Buffer.alloc(0)))],
    ["messages with an empty part", repeated(field(4, field(2, Buffer.alloc(0))))],
    ["empty entries of a map", repeated(field(23, Buffer.alloc(0)))],
    ["empty texts", repeated(field(1, Buffer.alloc(0)))],
    ["fields nobody knows", repeated(Buffer.from([0xf8, 0x7f, 1]))],
    ["groups", repeated(Buffer.from([0x0b, 0x0c]))],
    ["numbers in one field", field(18, Buffer.alloc(LARGE, 1))],
    ["empty messages inside one", field(4, repeated(field(2, Buffer.alloc(0))))],
  ])("of %s by the million is refused", (_name, bytes) => {
    expect(binary(bytes)).toBe("MESSAGE_TOO_LARGE");
  });

  // Mutant seen red: messages counted like any value.
  test("of messages is refused sooner than one of other values", () => {
    expect(binary(Buffer.alloc(200_000, field(4, Buffer.alloc(0))))).toBe("MESSAGE_TOO_LARGE");
    expect(binary(Buffer.alloc(200_000, field(1, Buffer.alloc(0))))).toBeUndefined();
  });

  test("of ten thousand messages is none, nor is one long text", () => {
    expect(binary(toBinary(ChatRequestSchema, conversation))).toBeUndefined();
    expect(binary(field(1, Buffer.alloc(LARGE, "a")))).toBeUndefined();
  });

  // Mutant seen red: no bound on the depth.
  test("that nests is refused where the decoder would refuse it too", () => {
    expect(binary(nested(40))).toBeUndefined();
    expect(binary(nested(60))).toBe("INVALID_FIELD");
  });

  // Mutant seen red: a number without an end read on.
  test("with a number of more than ten bytes is refused at once", () => {
    expect(binary(repeated(Buffer.from([0xff])))).toBe("INVALID_FIELD");
    expect(binary(Buffer.from([...Array(9).fill(0xff), 1]))).toBeUndefined();
  });

  // Mutants seen red: numbers, lengths or ends counted from the piece and not from the beginning.
  test("is judged the same however it is cut", () => {
    const bytes = toBinary(ChatRequestSchema, conversation);
    for (const pieceBytes of [1, 2, 3, 7, 1000]) expect(binary(bytes, pieceBytes)).toBeUndefined();
    expect(binary(nested(60), 1)).toBe("INVALID_FIELD");
    expect(binary(nested(40), 1)).toBeUndefined();
    expect(binary(field(18, Buffer.alloc(300_000, 1)), 999)).toBe("MESSAGE_TOO_LARGE");
    expect(binary(field(18, Buffer.alloc(300_000, 0x81)), 999)).toBeUndefined();
  });

  test("that is cut or broken is left to the decoder", () => {
    const bytes = Buffer.from(toBinary(ChatRequestSchema, conversation));
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(255), fc.nat(bytes.length - 1), (end, byte, at) => {
        const broken = Buffer.from(bytes.subarray(0, end));
        if (at < broken.length) broken.writeUInt8(byte, at);
        expect([undefined, "MESSAGE_TOO_LARGE", "INVALID_FIELD"]).toContain(binary(broken));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a JSON text", () => {
  // Mutant seen red: only commas counted.
  test.each([
    ["empty objects", `[${"{},".repeat(300_000)}{}]`],
    ["numbers", `[${"0,".repeat(300_000)}0]`],
    ["members", `{${Array.from({ length: 300_000 }, (_each, index) => `"${index}":0`).join(",")}}`],
    ["texts without anything between", '""'.repeat(500_000)],
  ])("of %s by the hundred thousand is refused", (_name, text) => {
    expect(json(text)).toBe("MESSAGE_TOO_LARGE");
  });

  test("of ten thousand messages is not, nor is one long text, whatever it holds", () => {
    expect(json(toJsonString(ChatRequestSchema, conversation))).toBeUndefined();
    expect(json(JSON.stringify("[{,".repeat(1_000_000)))).toBeUndefined();
    expect(json(JSON.stringify('\\"[{,'.repeat(500_000)))).toBeUndefined();
    expect(json(JSON.stringify(`${"a".repeat(70)}\n[`.repeat(100_000)))).toBeUndefined();
  });

  // Mutant seen red: space not counted.
  test("with more than 4 MiB of space is refused", () => {
    expect(json(" ".repeat(4 * 1024 * 1024))).toBeUndefined();
    expect(json("\n".repeat(4 * 1024 * 1024 + 1))).toBe("MESSAGE_TOO_LARGE");
    expect(json(JSON.stringify(" ".repeat(8 * 1024 * 1024)))).toBeUndefined();
  });

  // Mutant seen red: escapes not counted.
  test("with more than a million escapes is refused, and one with fewer is not", () => {
    expect(json(JSON.stringify('"'.repeat(1_000_001)))).toBe("MESSAGE_TOO_LARGE");
    expect(json(JSON.stringify('"'.repeat(1_000_000)))).toBeUndefined();
  });

  // Mutant seen red: no bound on the depth.
  test.each(["[", "{", '{"a":', "[[[{"])("that nests by %s is refused", (opening) => {
    expect(json(opening.repeat(300))).toBe("INVALID_FIELD");
  });

  test("that is whole is never refused for what stands in its strings (against JSON.parse)", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.string({ unit: "binary", maxLength: 300 }), (text, inner) => {
        expect(json(text)).toBeUndefined();
        // Three hundred brackets in strings are no depth, if the end of each string is found, wherever it is cut.
        const strings = Array.from({ length: 300 }, () => JSON.stringify(`${inner}[`)).join(",");
        for (const pieceBytes of [1, 5, 65_536]) expect(json(`[${strings}]`, pieceBytes)).toBeUndefined();
      }),
    );
  });
});
