import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { MAX_MESSAGES, MAX_VALUES, tooDeep, tooMany } from "./scan.ts";

/** How deep a message may nest; the decoder allows as much. */
const MAX_DEPTH = 100;

/** Length below which a message cannot have too much of anything: two bytes are the least a field takes. */
const HARMLESS_BYTES = 2 * Math.min(MAX_VALUES, MAX_MESSAGES);

/** What the bytes of a message's fields with a length are, by field number. Texts and what is unknown are in no table. */
type Table = ReadonlyMap<number, Inner>;

type Inner =
  | { readonly kind: "message"; readonly table: () => Table }
  /** Numbers one after the other; `size` is that of each, 0 if they are varints. */
  | { readonly kind: "packed"; readonly size: 0 | 4 | 8 };

const tables = new WeakMap<DescMessage, Table>();

/**
 * Refuses a serialized message of a schema that nests too deep, or has more messages or values than any request needs. Malformed bytes are left
 * to the decoder. Throws INVALID_FIELD and MESSAGE_TOO_LARGE.
 */
export function scanBinary(schema: DescMessage, bytes: Uint8Array): void {
  if (bytes.length < HARMLESS_BYTES) return;
  const outer: { readonly end: number; readonly table: Table | undefined }[] = [];
  let table: Table | undefined = tableOf(schema);
  let end = bytes.length;
  let at = 0;
  let values = 0;
  let messages = 0;

  const varint = (): number => {
    let value = 0;
    let scale = 1;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) break;
    }
    return value;
  };

  const enter = (inner: Inner | undefined, length: number): void => {
    if (inner?.kind !== "message") {
      if (inner !== undefined) values += countPacked(bytes, at, Math.min(at + length, end), inner.size);
      at += length;
      return;
    }
    messages += 1;
    if (outer.length >= MAX_DEPTH) throw tooDeep(MAX_DEPTH);
    outer.push({ end, table });
    end = Math.min(at + length, end);
    table = inner.table();
  };

  while (true) {
    while (at >= end) {
      const parent = outer.pop();
      if (parent === undefined) return;
      ({ end, table } = parent);
    }
    const tag = varint();
    values += 1;
    const wireType = tag % 8;
    if (wireType === WireType.Varint) varint();
    else if (wireType === WireType.Bit64) at += 8;
    else if (wireType === WireType.Bit32) at += 4;
    // What is left are groups, which the contract has none of, and what is malformed: a tag is all they are counted for.
    else if (wireType === WireType.LengthDelimited) enter(table?.get(Math.floor(tag / 8)), varint());
    if (values > MAX_VALUES || messages > MAX_MESSAGES) throw tooMany();
  }
}

function tableOf(schema: DescMessage): Table {
  const known = tables.get(schema);
  if (known !== undefined) return known;
  const table = new Map(
    schema.fields.flatMap((field): [number, Inner][] => {
      const inner = innerOf(field);
      return inner === undefined ? [] : [[field.number, inner]];
    }),
  );
  tables.set(schema, table);
  return table;
}

function innerOf(field: DescField): Inner | undefined {
  switch (field.fieldKind) {
    case "message":
      return { kind: "message", table: () => tableOf(field.message) };
    case "map": {
      // A map is a list of messages with the key as field 1 and the value as field 2.
      const { message } = field;
      const entry: Table = new Map(
        message === undefined ? [] : [[2, { kind: "message", table: () => tableOf(message) } as const]],
      );
      return { kind: "message", table: () => entry };
    }
    case "list":
      if (field.listKind === "message") return { kind: "message", table: () => tableOf(field.message) };
      return field.listKind === "enum" ? { kind: "packed", size: 0 } : packed(field.scalar);
    default:
      return undefined;
  }
}

function packed(scalar: ScalarType): Inner | undefined {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return undefined;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { kind: "packed", size: 8 };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return { kind: "packed", size: 4 };
    default:
      return { kind: "packed", size: 0 };
  }
}

function countPacked(bytes: Uint8Array, from: number, to: number, size: 0 | 4 | 8): number {
  if (size !== 0) return (to - from) / size;
  let count = 0;
  // The last byte of a varint is below 0x80.
  for (let at = from; at < to; at += 1) if ((bytes[at] ?? 0) < 0x80) count += 1;
  return count;
}
