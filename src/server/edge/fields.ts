import { ExecutionError } from "../../errors.ts";
import { joinMembers, jsonElements, jsonMembers } from "../../json-text.ts";

/** A value of a JSON body, with its path in it and its own text. */
export interface Field {
  /** Path such as `messages[0].content[1].image_url.url`; empty for the body itself. */
  readonly path: string;
  readonly value: unknown;
  /** The value as it was written: digits and key order kept. */
  raw(): string;
}

/** The members of an object, each to be taken once. */
export interface ObjectFields {
  readonly path: string;
  /** Takes a member; undefined if it is missing or null, which mean the same. */
  take(key: string): Field | undefined;
  /** Takes a member that has to be there. Throws INVALID_FIELD. */
  need(key: string): Field;
  /** Takes whatever is left and not null. */
  rest(): readonly (readonly [key: string, field: Field])[];
  /** Throws INVALID_FIELD if anything is left that is not null: nothing is dropped silently. */
  close(): void;
}

/** Throws INVALID_FIELD: what is wrong with a field and how to mend it. Descriptions never hold the value, which may be of a prompt. */
export function refuse(path: string, description: string): never {
  const field = path === "" ? "body" : path;
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}

/** Reads a body. Throws INVALID_FIELD if it is not JSON. */
export function readBody(text: string): Field {
  try {
    return { path: "", value: JSON.parse(text), raw: () => text };
  } catch {
    return refuse("", "must be a JSON object in UTF-8");
  }
}

/** The path of a member. A key may be anything a caller made up, so only its beginning is shown. */
export function joinPath(path: string, key: string): string {
  const shown = key.length > 64 ? `${key.slice(0, 64)}...` : key;
  return path === "" ? shown : `${path}.${shown}`;
}

/** Reads an object. */
export function asObject(field: Field): ObjectFields {
  const { path, value } = field;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(path, "must be an object");
  const left = new Map<string, unknown>(Object.entries(value));
  let texts: ReadonlyMap<string, string> | undefined;
  const fieldOf = (key: string, member: unknown): Field => ({
    path: joinPath(path, key),
    value: member,
    raw: () => {
      texts ??= jsonMembers(field.raw());
      return texts.get(key) ?? "null";
    },
  });
  const take = (key: string): Field | undefined => {
    const member = left.get(key);
    left.delete(key);
    return member === undefined || member === null ? undefined : fieldOf(key, member);
  };
  const rest = (): [string, Field][] =>
    [...left.keys()].flatMap((key): [string, Field][] => {
      const member = take(key);
      return member === undefined ? [] : [[key, member]];
    });
  return {
    path,
    take,
    need: (key) => take(key) ?? refuse(joinPath(path, key), "is required"),
    rest,
    close: () => {
      const [unknown] = rest();
      if (unknown !== undefined) refuse(unknown[1].path, "is not a field this endpoint knows; leave it out");
    },
  };
}

/** Reads a list. */
export function asList(field: Field): readonly Field[] {
  const { path, value } = field;
  if (!Array.isArray(value)) return refuse(path, "must be a list");
  let texts: readonly string[] | undefined;
  return value.map((element: unknown, index) => ({
    path: `${path}[${index}]`,
    value: element,
    raw: () => {
      texts ??= jsonElements(field.raw());
      return texts[index] ?? "null";
    },
  }));
}

/** Reads a text. Half a surrogate pair is refused: it is no text, and no UTF-8 wire could carry it. */
export function asText({ path, value }: Field): string {
  if (typeof value !== "string") return refuse(path, "must be a string");
  return value.isWellFormed() ? value : refuse(path, "must be well-formed Unicode; it holds half a surrogate pair");
}

/** Reads a text that is not empty. */
export function asName(field: Field): string {
  const text = asText(field);
  return text === "" ? refuse(field.path, "must not be empty") : text;
}

/** Reads true or false. */
export function asBoolean({ path, value }: Field): boolean {
  return typeof value === "boolean" ? value : refuse(path, "must be true or false");
}

/** Reads a number within bounds, both included. */
export function asNumber({ path, value }: Field, least: number, most: number): number {
  if (typeof value !== "number") return refuse(path, "must be a number");
  return value >= least && value <= most ? value : refuse(path, `must be from ${least} to ${most}`);
}

/** Reads a whole number from `least` to 2^32 - 1, or to `most`. */
export function asCount(field: Field, least: number, most = 4_294_967_295): number {
  const number = asNumber(field, least, most);
  return Number.isInteger(number) ? number : refuse(field.path, "must be a whole number");
}

/** Reads a whole number of 64 bits, of which no digit is lost. */
export function asInt64(field: Field): bigint {
  if (typeof field.value !== "number" || !/^-?\d+$/.test(field.raw())) {
    return refuse(field.path, "must be a whole number, written without exponent or fraction");
  }
  const number = BigInt(field.raw());
  return BigInt.asIntN(64, number) === number ? number : refuse(field.path, "must fit in 64 bits");
}

/** Reads one of some words as what it stands for. */
export function asWord<Meaning>({ path, value }: Field, words: Readonly<Record<string, Meaning>>): Meaning {
  const meaning = typeof value === "string" && Object.hasOwn(words, value) ? words[value] : undefined;
  return meaning ?? refuse(path, `must be one of ${Object.keys(words).join(", ")}`);
}

/** Reads an object as its own text, for fields that hold JSON. */
export function asJsonObject(field: Field): string {
  asObject(field);
  return field.raw();
}

/** Reads base64. Node skips what is not base64, so the length tells whether something was. `text` is the field's own, or a piece of it. */
export function asBase64(field: Field, text = asText(field)): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(text, "base64");
  const digits = text.replace(/={1,2}$/, "").length;
  if (bytes.length !== Math.floor((digits * 3) / 4) || digits % 4 === 1) refuse(field.path, "must hold base64 data");
  return bytes;
}

/** Reads a member under its contract name, or leaves that out. */
export function optional<Key extends string, Value>(
  key: Key,
  field: Field | undefined,
  read: (field: Field) => Value,
): { [key in Key]?: Value } {
  return field === undefined ? {} : ({ [key]: read(field) } as { [key in Key]?: Value });
}

/** Whatever is left of an object, as the text of one; empty if nothing is. */
export function remainingText(fields: ObjectFields): string {
  const members = fields.rest();
  return members.length === 0 ? "" : joinMembers(members.map(([key, field]) => [key, field.raw()]));
}
