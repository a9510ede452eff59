import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { MAX_MESSAGES, MAX_VALUES, malformed, type Scan, tooDeep, tooMany } from "./scan.ts";

/** How deep a message may nest; the decoder allows as much. */
const MAX_DEPTH = 100;

/** Most bytes of a varint. */
const MAX_VARINT_BYTES = 10;

/** What the bytes of a message's fields with a length are, by field number. Texts and what is unknown are in no table. */
type Table = ReadonlyMap<number, Inner>;

type Inner =
  | { readonly kind: "message"; readonly table: () => Table }
  /** Numbers one after the other; `size` is that of each, 0 if they are varints. */
  | { readonly kind: "packed"; readonly size: 0 | 4 | 8 };

const tables = new WeakMap<DescMessage, Table>();

/** What is read outside every message of the schema, which nothing is. */
const WHOLE = { end: Number.POSITIVE_INFINITY, table: undefined };

/** What the varint means that is being read. */
type Reading = "tag" | "value" | "length";

/**
 * Creates the check of a serialized message of a schema: how deep it nests, its messages and values. Malformed bytes are left to the decoder, but for
 * numbers that do not end.
 */
export function createBinaryScan(schema: DescMessage): Scan {
  const outer: { readonly end: number; readonly table: Table | undefined }[] = [];
  let table: Table | undefined = tableOf(schema);
  /** Positions are counted from the first piece's beginning; how long the whole is need not be known. */
  let end = Number.POSITIVE_INFINITY;
  let before = 0;
  let values = 0;
  let messages = 0;
  let reading: Reading = "tag";
  let varint = 0;
  let scale = 1;
  let varintBytes = 0;
  let fieldNumber = 0;
  /** Bytes to come that are not looked at, or, if there are such, numbers one after the other. */
  let skip = 0;
  let packed: { readonly size: 0 | 4 | 8 } | undefined;

  const endVarint = (at: number): void => {
    const value = varint;
    varint = 0;
    scale = 1;
    varintBytes = 0;
    if (reading === "length") enter(table?.get(fieldNumber), value, at);
    if (reading !== "tag") {
      reading = "tag";
      return;
    }
    values += 1;
    fieldNumber = Math.floor(value / 8);
    const wireType = value % 8;
    if (wireType === WireType.Varint) reading = "value";
    else if (wireType === WireType.LengthDelimited) reading = "length";
    else if (wireType === WireType.Bit64) skip = 8;
    else if (wireType === WireType.Bit32) skip = 4;
    // What is left are groups, which the contract has none of, and what is malformed: a tag is all they are counted for.
  };

  const enter = (inner: Inner | undefined, length: number, at: number): void => {
    if (inner?.kind !== "message") {
      skip = length;
      packed = inner;
      return;
    }
    messages += 1;
    if (outer.length >= MAX_DEPTH) throw tooDeep(MAX_DEPTH);
    // There is nothing in it to come back from.
    if (length === 0) return;
    outer.push({ end, table });
    end = Math.min(at + length, end);
    table = inner.table();
  };

  /** Passes over what is not looked at; gives where it ends, or the piece. */
  const pass = (piece: Uint8Array, at: number): number => {
    const next = Math.min(piece.length, at + skip);
    if (packed !== undefined) values += countPacked(piece, at, next, packed.size);
    skip -= next - at;
    if (skip === 0) packed = undefined;
    return next;
  };
  const checkCounts = (): void => {
    if (values > MAX_VALUES || messages > MAX_MESSAGES) throw tooMany();
  };

  return (piece) => {
    let at = 0;
    while (at < piece.length) {
      if (skip > 0) {
        at = pass(piece, at);
        continue;
      }
      while (before + at >= end) ({ end, table } = outer.pop() ?? WHOLE);
      const byte = piece[at] ?? 0;
      at += 1;
      varint += (byte & 0x7f) * scale;
      scale *= 128;
      varintBytes += 1;
      if (byte < 0x80) endVarint(before + at);
      else if (varintBytes === MAX_VARINT_BYTES) throw malformed("has a number of more than ten bytes");
    }
    before += piece.length;
    checkCounts();
  };
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
