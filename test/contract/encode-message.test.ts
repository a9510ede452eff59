import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Target, writeMessage } from "../../src/contract/encode-message.ts";
import { warning } from "../../src/contract/events.ts";
import { decodeFrames, encodeFrames } from "../../src/contract/frames.ts";
import { ChatRequestSchema, type ChatResponse, ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";

const SCALARS: Readonly<Partial<Record<ScalarType, fc.Arbitrary<unknown>>>> = {
  [ScalarType.STRING]: fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.constantFrom("", "語".repeat(42), "語".repeat(43), "x".repeat(127), "x".repeat(128), "\ud800"),
  ),
  [ScalarType.UINT32]: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 })),
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.INT64]: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, 127n, 128n, -1n),
  ),
  [ScalarType.DOUBLE]: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY)),
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 200 }),
};

/** Any value of a field, or undefined where it may be absent. */
function anyValue(field: DescField, depth: number, isChosen = false): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") {
    return depth === 0 || field.message === undefined
      ? fc.constant([])
      : fc.array(messageOf(field.message, depth - 1), { maxLength: 3 });
  }
  if (field.message !== undefined) {
    return depth === 0 ? fc.constant(undefined) : fc.option(messageOf(field.message, depth - 1), { nil: undefined });
  }
  const scalar = field.fieldKind === "enum" ? fc.nat({ max: 300 }) : SCALARS[field.scalar ?? ScalarType.STRING];
  if (scalar === undefined) throw new Error(`no values for ${field}`);
  return isChosen || field.presence === FeatureSet_FieldPresence.IMPLICIT
    ? scalar
    : fc.option(scalar, { nil: undefined });
}

/** Any message of a type, made of the descriptors, so that fields that come later are covered. */
function messageOf(schema: DescMessage, depth: number): fc.Arbitrary<Message> {
  const single = schema.fields.filter(({ oneof }) => oneof === undefined);
  const oneofs = schema.oneofs.map((oneof) => {
    const cases = oneof.fields.map((field) =>
      (field.message === undefined
        ? anyValue(field, depth, true)
        : messageOf(field.message, Math.max(0, depth - 1))
      ).map((value) => ({
        case: field.localName,
        value,
      })),
    );
    return [oneof.localName, fc.oneof(fc.constant({ case: undefined }), ...cases)] as const;
  });
  const fields = single.map((field) => [field.localName, anyValue(field, depth)] as const);
  return fc
    .record(Object.fromEntries([...fields, ...oneofs]))
    .map((values) =>
      create(schema, Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))),
    );
}

function written(message: Message, schema: DescMessage = ChatResponseSchema, size = 64): Buffer | undefined {
  const target: Target = { bytes: Buffer.alloc(size), at: 3 };
  return writeMessage(schema, message, target) ? Buffer.from(target.bytes.subarray(3, target.at)) : undefined;
}

describe("a message that is written by us", () => {
  // Mutants seen red: a length of two bytes written over the message; minus zero left out; fields of a oneof without presence left out if zero;
  // no more room made for a text; a negative 64-bit number in fewer than ten bytes.
  test("has the bytes `toBinary` gives, for every kind of response", () => {
    fc.assert(
      fc.property(messageOf(ChatResponseSchema, 4), (message) => {
        expect(written(message)).toEqual(Buffer.from(toBinary(ChatResponseSchema, message as ChatResponse)));
      }),
      { numRuns: 2000 },
    );
  });

  // Mutant seen red: unknown fields not looked at.
  test("is left to `toBinary` if it has what responses never have", () => {
    const unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    const nested = warning("A", "", "");
    Object.assign(nested.event.value as object, { $unknown: unknown });
    expect(written({ ...warning("A", "", ""), $unknown: unknown } as Message)).toBeUndefined();
    expect(written(nested)).toBeUndefined();
    expect(written({ ...warning("A", "", ""), sequence: 2 ** 32 } as Message)).toBeUndefined();
    expect(written(create(ChatRequestSchema, { metadata: { a: "b" } }), ChatRequestSchema)).toBeUndefined();
    expect(written(create(ChatRequestSchema), ChatResponseSchema)).toBeUndefined();
  });
});

describe("frames", () => {
  test("of any responses decode to what they were made of, whoever wrote them", () => {
    fc.assert(
      fc.property(fc.array(messageOf(ChatResponseSchema, 3), { maxLength: 5 }), (messages) => {
        const frames = encodeFrames(ChatResponseSchema, messages);
        const decoded: ChatResponse[] = decodeFrames(ChatResponseSchema, frames);
        expect(decoded.map((message) => toBinary(ChatResponseSchema, message))).toEqual(
          messages.map((message) => toBinary(ChatResponseSchema, message as ChatResponse)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
