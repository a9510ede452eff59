import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { writeDelta } from "../../src/contract/encode.ts";
import { reasoningDelta, refusalDelta, textDelta, toolCallDelta } from "../../src/contract/events.ts";
import { type ChatResponse, ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";

const target = Buffer.alloc(4096);

function written(response: ChatResponse, start = 0): Buffer | undefined {
  const end = writeDelta(response, target, start);
  return end === -1 ? undefined : Buffer.from(target.subarray(start, end));
}

const asGenerated = (response: ChatResponse): Buffer => Buffer.from(toBinary(ChatResponseSchema, response));

const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 }));
const text = fc.oneof(
  fc.string({ maxLength: 130 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.nat({ max: 100 }).map((length) => "語".repeat(length)),
);
const delta = fc
  .record({
    kind: fc.constantFrom(textDelta, reasoningDelta, toolCallDelta),
    text,
    sequence: uint32,
    step: uint32,
    part: uint32,
  })
  .map(({ kind, text: words, sequence, step, part }) => ({ ...kind({ step, part }, words), sequence }));

describe("a delta written by hand", () => {
  // Mutants seen red: sequence shifted with `>>`; a step of 0 written; MAX_WIDE of 60; step and part unbounded.
  test("has the bytes `toBinary` gives, or is left to it", () => {
    fc.assert(
      fc.property(delta, fc.nat({ max: 100 }), (response, start) => {
        const bytes = written(response, start);
        if (bytes !== undefined) expect(bytes).toEqual(asGenerated(response));
      }),
      { numRuns: 2000 },
    );
  });

  // Mutant seen red: leaving everything to `toBinary`.
  test("is every short one: tokens of any language, anywhere in a long stream", () => {
    for (const words of ["", " token", '{"a": ', "語", "é", "👩‍💻", "x".repeat(96), "語".repeat(40)]) {
      for (const sequence of [1, 127, 128, 16_384, 2 ** 32 - 1]) {
        const response = { ...textDelta({ step: 3, part: 127 }, words), sequence };
        expect(written(response)).toEqual(asGenerated(response));
      }
    }
  });

  test("is left to `toBinary` if it is long, another event, carries unknown fields or does not fit", () => {
    const place = { step: 0, part: 0 };
    const unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    expect(written(textDelta(place, "x".repeat(97)))).toBeUndefined();
    expect(written(textDelta({ step: 128, part: 0 }, "x"))).toBeUndefined();
    expect(written(refusalDelta(place, "x"))).toBeUndefined();
    expect(written(create(ChatResponseSchema))).toBeUndefined();
    expect(written({ ...textDelta(place, "x"), $unknown: unknown })).toBeUndefined();
    expect(written(textDelta(place, "x"), target.length - 20)).toBeUndefined();
  });
});
