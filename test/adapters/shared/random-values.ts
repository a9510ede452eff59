import fc from "fast-check";

/** A short text of any characters. */
export const text = fc.string({ unit: "grapheme", maxLength: 12 });

/** A name or an id. */
export const word = fc.stringMatching(/^[a-z][a-z_]{0,7}$/);

/** A few bytes. */
export const bytes = fc.uint8Array({ maxLength: 8 });

/** The bytes of a text. */
export const encode = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The text of a JSON object. */
export const objectText = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  .map((value) => JSON.stringify(value));

/** Mostly one of the first, seldom one of the second. */
export const mostly = <Value>(taken: fc.Arbitrary<Value>, seldom: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 29, arbitrary: taken }, { weight: 1, arbitrary: seldom });

/** One of the first, seldom one of the second; of the second where there is no first. */
export const mostlyOf = <Value>(taken: readonly Value[], all: readonly Value[]): fc.Arbitrary<Value> =>
  taken.length === 0 ? fc.constantFrom(...all) : mostly(fc.constantFrom(...taken), fc.constantFrom(...all));

/** A value or none; `defined` leaves none out. */
export const sometimes = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined });

/** Leaves members out that are undefined, which is how protobuf says absent. */
export function defined<Shape extends object>(value: Shape): { [Key in keyof Shape]: Exclude<Shape[Key], undefined> } {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members) as { [Key in keyof Shape]: Exclude<Shape[Key], undefined> };
}

/** JSON Schemas of objects, as text, among them keywords that not every provider has, and a reference. */
export const schemaText: fc.Arbitrary<string> = fc
  .dictionary(
    word,
    fc.letrec<{ schema: Record<string, unknown> }>((tie) => ({
      schema: fc.oneof(
        { depthSize: "small" },
        fc.record({ type: fc.constantFrom("string", "integer", "number", "boolean", ["string", "null"]) }),
        fc.record({ type: fc.constant("string"), enum: fc.array(fc.string(), { minLength: 1, maxLength: 3 }) }),
        fc.record({ const: fc.string() }),
        fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.nat(3) }),
        fc.record({ oneOf: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }), description: text }),
        fc.record({ anyOf: fc.tuple(tie("schema"), fc.constant({ type: "null" })) }),
        fc.record({
          $schema: fc.constant("http://json-schema.org/draft-07/schema#"),
          type: fc.constant("object"),
          properties: fc.dictionary(word, tie("schema"), { maxKeys: 3 }),
          required: fc.array(word, { maxLength: 2 }),
          additionalProperties: fc.boolean(),
          title: text,
        }),
        fc.constant({ $ref: "#/$defs/known" }),
      ),
    })).schema,
    { maxKeys: 3 },
  )
  .map((properties) =>
    JSON.stringify({ type: "object", properties, $defs: { known: { type: "number", minimum: 1 } } }),
  );
