import { MAX_COUNT } from "../contract/usage.ts";

/** A JSON object of unknown shape, as a provider sent it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as a JSON object; undefined for anything else, null and arrays included. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

const none: readonly unknown[] = [];

/** The value as an array; empty for anything else. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : none;
}

/** The value as a text; empty for anything else. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The value as a text that stands for itself, such as an id, a name or a type: of whole characters only, since UTF-8 has no form for halves. */
export function asWord(value: unknown): string {
  return asText(value).toWellFormed();
}

/** The value as a count that fits a uint32; undefined for anything else. */
export function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT ? value : undefined;
}

/** Parses JSON that may be anything; undefined where it is not JSON. */
export function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** ECMAScript 2025 (JSON.parse source text access), which TypeScript's library does not declare yet. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const sourceTextJson = JSON as unknown as SourceTextJson;

/**
 * Parses JSON so that `JSON.stringify` writes its numbers with the digits they came with: integers above 2^53 and long decimals survive.
 * Several times slower than `JSON.parse`; for documents of which a part goes on as text. Undefined where it is not JSON, or nested so deeply that
 * the stack ends (some 2,000 levels).
 */
export function parseExact(text: string): unknown {
  try {
    return parseWithSource(text);
  } catch {
    return undefined;
  }
}

function parseWithSource(text: string): unknown {
  return sourceTextJson.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? sourceTextJson.rawJSON(source)
      : value,
  );
}
