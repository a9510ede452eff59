import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { joinPath } from "./edge/fields.ts";

/** What is wrong with a JSON value, and where. */
export interface JsonFault {
  /** Path in the contract's names, such as `messages[0].role`; empty for the body itself. */
  readonly field: string;
  /** What has to be there instead. Never holds the value, which may be of a prompt. */
  readonly description: string;
}

/** As deep as the decoder of ProtoJSON goes. */
const MAX_DEPTH = 100;

/** Values that only the decoder itself can judge, such as numbers in quotes. Where there are more, the fault is not looked for any further. */
const MAX_JUDGED = 10_000;

/** Writes a path, once it is wanted. */
type Path = () => string;

/** One value of a field: of a list or a map one of several. */
interface Item {
  readonly message: DescMessage;
  readonly field: DescField;
  readonly value: JsonValue;
  /** The field with nothing but that value. */
  readonly alone: () => JsonValue;
  readonly path: Path;
}

/**
 * Finds the first value that is not of the schema in canonical ProtoJSON: the decoder says what is wrong but not where. Undefined if none is
 * found. Takes a time that grows with the value.
 */
export function findJsonFault(schema: DescMessage, json: JsonValue): JsonFault | undefined {
  let judged = 0;
  /** Whether the decoder takes a value. */
  const isTaken = ({ message, field, alone }: Item): boolean => {
    judged += 1;
    if (judged > MAX_JUDGED) return true;
    try {
      fromJson(message, { [field.name]: alone() });
      return true;
    } catch {
      return false;
    }
  };

  const inMessage = (message: DescMessage, value: JsonValue, path: Path, depth: number): JsonFault | undefined => {
    if (depth > MAX_DEPTH) return fault(path, "is nested too deeply");
    if (!isObject(value)) return fault(path, "must be an object");
    const twins = createTwins();
    return first(Object.entries(value), ([key, member]) => {
      const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
      if (field === undefined) return fault(() => joinPath(path(), key), `is not a field of ${message.typeName}`);
      const at: Path = () => joinPath(path(), field.name);
      const twin = twins.add(field, key, member);
      if (twin !== undefined) return fault(at, `must not be there beside ${twin}`);
      return member === null ? undefined : inField(message, field, member, at, depth);
    });
  };

  const inField = (
    message: DescMessage,
    field: DescField,
    value: JsonValue,
    path: Path,
    depth: number,
  ): JsonFault | undefined => {
    if (field.fieldKind === "list") {
      if (!Array.isArray(value)) return fault(path, "must be a list");
      return first(value, (item: JsonValue, index) =>
        inItem({ message, field, value: item, alone: () => [item], path: () => `${path()}[${index}]` }, depth),
      );
    }
    if (field.fieldKind === "map") {
      if (!isObject(value)) return fault(path, "must be an object");
      return first(Object.entries(value), ([key, item]) => {
        const at: Path = () => `${path()}[${JSON.stringify(key.slice(0, 64))}]`;
        return inItem({ message, field, value: item, alone: () => ({ [key]: item }), path: at }, depth);
      });
    }
    return inItem({ message, field, value, alone: () => value, path }, depth);
  };

  const inItem = (item: Item, depth: number): JsonFault | undefined => {
    const { field, value, path } = item;
    if (value === null) return fault(path, "must not be null");
    if (field.enum !== undefined) return isOfEnum(field.enum, value) ? undefined : fault(path, enumWords(field.enum));
    if (field.message !== undefined && !field.message.typeName.startsWith("google.protobuf.")) {
      return inMessage(field.message, value, path, depth + 1);
    }
    if ((field.scalar !== undefined && isPlainly(field.scalar, value)) || isTaken(item)) return undefined;
    return fault(path, field.scalar === undefined ? wellKnownWords(field.message) : SCALAR_WORDS[field.scalar]);
  };

  return inMessage(schema, json, () => "", 1);
}

function fault(path: Path, description: string): JsonFault {
  return { field: path(), description };
}

/** The members of a message that exclude one another: a field by both of its names, and the fields of a oneof. */
function createTwins() {
  const seen = new Map<DescField | DescOneof, string>();
  return {
    /** Adds a member; the key of the one it excludes, if that is there. */
    add: (field: DescField, key: string, member: JsonValue): string | undefined => {
      const set = field.oneof === undefined || member === null ? [field] : [field, field.oneof];
      const twin = set.map((each) => seen.get(each)).find((each) => each !== undefined);
      for (const each of set) seen.set(each, key);
      return twin;
    },
  };
}

function first<Item>(
  items: readonly Item[],
  look: (item: Item, index: number) => JsonFault | undefined,
): JsonFault | undefined {
  let found: JsonFault | undefined;
  items.some((item, index) => {
    found = look(item, index);
    return found !== undefined;
  });
  return found;
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Values of which there may be millions, and that need no decoder to be seen as good. */
function isPlainly(scalar: ScalarType, value: JsonValue): boolean {
  switch (scalar) {
    case ScalarType.STRING:
      return typeof value === "string" && value.isWellFormed();
    case ScalarType.BOOL:
      return typeof value === "boolean";
    case ScalarType.DOUBLE:
      return typeof value === "number";
    case ScalarType.UINT32:
      return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
    default:
      return false;
  }
}

/** An open enum takes any number, which the rules of the contract then judge. */
function isOfEnum({ values }: DescEnum, value: JsonValue): boolean {
  if (typeof value === "number") return Number.isInteger(value) && value === (value | 0);
  return typeof value === "string" && values.some(({ name }) => name === value);
}

function enumWords({ values }: DescEnum): string {
  const names = values.filter(({ number }) => number !== 0).map(({ name }) => name);
  return `must be one of ${names.join(", ")}`;
}

const WHOLE_64 = "must be a whole number of 64 bits, as a number or in quotes";
const WHOLE_32 = "must be a whole number from -2147483648 to 2147483647";
const NATURAL_32 = "must be a whole number from 0 to 4294967295";
const NUMBER = "must be a number";

const SCALAR_WORDS: Readonly<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "must be text, of whole Unicode characters",
  [ScalarType.BOOL]: "must be true or false",
  [ScalarType.BYTES]: "must be base64",
  [ScalarType.DOUBLE]: NUMBER,
  [ScalarType.FLOAT]: NUMBER,
  [ScalarType.INT32]: WHOLE_32,
  [ScalarType.SINT32]: WHOLE_32,
  [ScalarType.SFIXED32]: WHOLE_32,
  [ScalarType.UINT32]: NATURAL_32,
  [ScalarType.FIXED32]: NATURAL_32,
  [ScalarType.INT64]: WHOLE_64,
  [ScalarType.SINT64]: WHOLE_64,
  [ScalarType.SFIXED64]: WHOLE_64,
  [ScalarType.UINT64]: WHOLE_64,
  [ScalarType.FIXED64]: WHOLE_64,
};

function wellKnownWords(message: DescMessage | undefined): string {
  switch (message?.typeName) {
    case "google.protobuf.Timestamp":
      return "must be a time, such as 2026-11-26T00:00:00Z";
    case "google.protobuf.Duration":
      return "must be a duration in seconds, such as 1.5s";
    default:
      return `must be a ${message?.typeName ?? "value"} in ProtoJSON`;
  }
}
