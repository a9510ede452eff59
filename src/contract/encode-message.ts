import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** Memory that messages are written to, one after the other. It is replaced by a larger one where it is full. */
export interface Target {
  bytes: Buffer;
  at: number;
}

/** Makes room for so many bytes more. */
export function reserve(target: Target, bytes: number): void {
  if (target.at + bytes <= target.bytes.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(2 * target.bytes.length, target.at + bytes));
  target.bytes.copy(grown, 0, 0, target.at);
  target.bytes = grown;
}

/** A message as its generated object has it: fields by their local names. */
type Fields = Readonly<Record<string, unknown>>;

/** Writes something, or returns false if it is not of the kinds that are written here. */
type Write<Value> = (target: Target, value: Value) => boolean;

const writers = new WeakMap<DescMessage, Write<Fields> | undefined>();

/**
 * Writes a message as `toBinary` would, without an ArrayBuffer of its own, which costs more than the writing. Returns false, with anything written
 * behind `target.at`, for what responses of a Chat never have: maps, packed lists, well-known types, unknown fields, numbers out of their range.
 */
export function writeMessage(schema: DescMessage, message: Message, target: Target): boolean {
  const start = target.at;
  if (writerOf(schema)?.(target, message as Message & Fields) === true) return true;
  target.at = start;
  return false;
}

function writerOf(schema: DescMessage): Write<Fields> | undefined {
  if (!writers.has(schema)) {
    const fields: Write<Fields>[] = [];
    const write: Write<Fields> = (target, message) => {
      if (message.$typeName !== schema.typeName || message.$unknown !== undefined) return false;
      for (const field of fields) if (!field(target, message)) return false;
      return true;
    };
    // Before its fields, which may hold messages of the same type.
    writers.set(schema, write);
    const made = schema.fields.toSorted((left, right) => left.number - right.number).map(fieldWriter);
    fields.push(...made.map((field) => field ?? never));
    if (schema.typeName.startsWith("google.protobuf.")) writers.set(schema, undefined);
  }
  return writers.get(schema);
}

const never: Write<unknown> = () => false;

function fieldWriter(field: DescField): Write<Fields> | undefined {
  const { localName, oneof } = field;
  const write = valueWriter(field);
  if (write === undefined) return undefined;
  if (oneof !== undefined) {
    return (target, message) => {
      const chosen = message[oneof.localName] as { readonly case: unknown; readonly value: unknown };
      return chosen.case === localName ? write(target, chosen.value) : true;
    };
  }
  if (field.fieldKind === "list") {
    return (target, message) => {
      for (const item of message[localName] as readonly unknown[]) if (!write(target, item)) return false;
      return true;
    };
  }
  const implicit = field.presence === FeatureSet_FieldPresence.IMPLICIT;
  return (target, message) => {
    const value = message[localName];
    return value === undefined || (implicit && isZero(value)) ? true : write(target, value);
  };
}

/** True for what a field without presence does not write. Minus zero is a value. */
function isZero(value: unknown): boolean {
  return value === "" || value === false || Object.is(value, 0) || (value instanceof Uint8Array && value.length === 0);
}

/** Writes one value of a field, with its tag. */
function valueWriter(field: DescField): Write<unknown> | undefined {
  const { number } = field;
  if (field.fieldKind === "map") return undefined;
  if (field.message !== undefined) return nestedWriter(number, field.message);
  if (field.fieldKind === "list") return undefined;
  const tag = (wireType: number): number => number * 8 + wireType;
  const scalar = field.fieldKind === "enum" ? ScalarType.UINT32 : field.scalar;
  switch (scalar) {
    case ScalarType.STRING:
      return (target, value) => typeof value === "string" && writeText(target, tag(2), value);
    case ScalarType.UINT32:
      return (target, value) => typeof value === "number" && writeUint32(target, tag(0), value);
    case ScalarType.BOOL:
      return (target, value) => typeof value === "boolean" && writeUint32(target, tag(0), value ? 1 : 0);
    case ScalarType.INT64:
      return (target, value) => typeof value === "bigint" && writeInt64(target, tag(0), value);
    case ScalarType.DOUBLE:
      return (target, value) => typeof value === "number" && writeDouble(target, tag(1), value);
    case ScalarType.BYTES:
      return (target, value) => value instanceof Uint8Array && writeBytes(target, tag(2), value);
    default:
      return undefined;
  }
}

function nestedWriter(number: number, schema: DescMessage): Write<unknown> {
  return (target, value) => {
    const write = writerOf(schema);
    if (write === undefined || typeof value !== "object" || value === null) return false;
    reserve(target, 12);
    writeVarint(target, number * 8 + 2);
    const sizeAt = target.at;
    target.at += 1;
    if (!write(target, value as Fields)) return false;
    const size = target.at - sizeAt - 1;
    const more = varintBytes(size) - 1;
    if (more > 0) {
      reserve(target, more);
      target.bytes.copyWithin(sizeAt + 1 + more, sizeAt + 1, target.at);
    }
    target.at = sizeAt;
    writeVarint(target, size);
    target.at += size;
    return true;
  };
}

function writeText(target: Target, tag: number, text: string): boolean {
  reserve(target, 12 + 3 * text.length);
  writeVarint(target, tag);
  // A length that is surely of one byte is written after the text, whose bytes are then counted once.
  if (3 * text.length > 127) writeVarint(target, Buffer.byteLength(text));
  else target.at += 1;
  const size = target.bytes.write(text, target.at);
  if (3 * text.length <= 127) target.bytes[target.at - 1] = size;
  target.at += size;
  return true;
}

function writeBytes(target: Target, tag: number, bytes: Uint8Array): boolean {
  reserve(target, 12 + bytes.length);
  writeVarint(target, tag);
  writeVarint(target, bytes.length);
  target.bytes.set(bytes, target.at);
  target.at += bytes.length;
  return true;
}

function writeUint32(target: Target, tag: number, value: number): boolean {
  if (value >>> 0 !== value) return false;
  reserve(target, 12);
  writeVarint(target, tag);
  writeVarint(target, value);
  return true;
}

function writeInt64(target: Target, tag: number, value: bigint): boolean {
  if (BigInt.asIntN(64, value) !== value) return false;
  reserve(target, 16);
  writeVarint(target, tag);
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) {
    target.bytes[target.at] = Number(rest & 127n) | 128;
    target.at += 1;
  }
  target.bytes[target.at] = Number(rest);
  target.at += 1;
  return true;
}

function writeDouble(target: Target, tag: number, value: number): boolean {
  reserve(target, 16);
  writeVarint(target, tag);
  target.at = target.bytes.writeDoubleLE(value, target.at);
  return true;
}

function writeVarint(target: Target, value: number): void {
  let rest = value;
  for (; rest > 127; rest >>>= 7) {
    target.bytes[target.at] = (rest & 127) | 128;
    target.at += 1;
  }
  target.bytes[target.at] = rest;
  target.at += 1;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest >>>= 7) bytes += 1;
  return bytes;
}
