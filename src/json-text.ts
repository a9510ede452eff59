const raw = Symbol("raw JSON");

/** A JSON text inside a value that `encodeJson` writes: it goes out as it is, digits and key order kept. */
// A type and not an interface, so that it passes where any object with string keys is wanted.
export type RawJson = { readonly [raw]: string };

/** Marks a text as JSON to be written as it is. The text must be valid JSON, else what is written around it is not; `isJsonText` tells. */
export function rawJson(text: string): RawJson {
  return { [raw]: text };
}

/** True if a text is one valid JSON value. */
export function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** True if a text is a JSON object. */
export function isJsonObjectText(text: string): boolean {
  return isJsonText(text) && text.trimStart().startsWith("{");
}

/**
 * Writes a value as JSON: like JSON.stringify, but texts marked by `rawJson` go in unread and bigints as digits, so that integers above 2^53
 * and the order of keys survive. Members that are undefined are left out. Recurses as deep as the value, raw texts excluded.
 */
export function encodeJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (raw in value && typeof value[raw] === "string") return value[raw];
  return Array.isArray(value) ? encodeArray(value) : encodeObject(value);
}

// Runs for every request that is sent, and so makes no lists on the way.
function encodeArray(values: readonly unknown[]): string {
  let text = "[";
  for (const value of values) {
    if (text.length > 1) text += ",";
    text += encodeJson(value);
  }
  return `${text}]`;
}

function encodeObject(value: object): string {
  let text = "{";
  for (const key of Object.keys(value)) {
    const member: unknown = Reflect.get(value, key);
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(key)}:${encodeJson(member)}`;
  }
  return `${text}}`;
}

/**
 * The members of a JSON object as texts, in their order; of a repeated key the last one counts, as for JSON.parse. The text must be a valid
 * JSON object.
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = skipBlank(text, skipBlank(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = skipValue(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const start = skipBlank(text, skipBlank(text, keyEnd) + 1);
    const end = skipValue(text, start);
    members.set(String(key), text.slice(start, end));
    at = skipComma(text, end);
  }
  return members;
}

/** The text of one member of a JSON object, as `jsonMembers` has it; undefined where there is none. The text must be a valid JSON object. */
export function jsonMember(text: string, name: string): string | undefined {
  // A name may be written with escapes.
  return text.includes(name) || text.includes("\\") ? jsonMembers(text).get(name) : undefined;
}

/** Puts members back into the text of a JSON object; the opposite of `jsonMembers`. The values must be valid JSON. */
export function joinMembers(members: Iterable<readonly [key: string, text: string]>): string {
  return `{${Array.from(members, ([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

/** The elements of a JSON array as texts. The text must be a valid JSON array. */
export function jsonElements(text: string): readonly string[] {
  const elements: string[] = [];
  let at = skipBlank(text, skipBlank(text, 0) + 1);
  while (at < text.length && text[at] !== "]") {
    const end = skipValue(text, at);
    elements.push(text.slice(at, end));
    at = skipComma(text, end);
  }
  return elements;
}

function skipComma(text: string, from: number): number {
  const at = skipBlank(text, from);
  return text[at] === "," ? skipBlank(text, at + 1) : at;
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** End of the value that begins at `from`. Walks without recursion, so that deep nesting is harmless. */
function skipValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return skipString(text, from);
  if (first !== "{" && first !== "[") return skipScalar(text, from);
  let depth = 0;
  let at = from;
  do {
    const character = text[at];
    if (character === '"') {
      at = skipString(text, at);
      continue;
    }
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    at += 1;
  } while (depth > 0 && at < text.length);
  return at;
}

function skipString(text: string, from: number): number {
  let quote = from;
  do {
    quote = text.indexOf('"', quote + 1);
  } while (quote !== -1 && isEscaped(text, quote));
  return quote === -1 ? text.length : quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function skipScalar(text: string, from: number): number {
  let at = from;
  while (at < text.length && !/[\s,\]}]/.test(text.charAt(at))) at += 1;
  return at;
}
