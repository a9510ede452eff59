import type { ExecutionError } from "../../errors.ts";
import {
  isJsonObjectText,
  joinMembers,
  jsonElements,
  jsonMember,
  jsonMembers,
  type RawJson,
  rawJson,
} from "../../json-text.ts";
import { invalidField, type Notes } from "../notes.ts";

/** Members of the wire's `Schema` (ai.google.dev/api/caching#Schema), an OpenAPI subset. Others are left out: the server refuses them. */
const KEPT: ReadonlySet<string> = new Set([
  "type",
  "format",
  "title",
  "description",
  "nullable",
  "enum",
  "items",
  "maxItems",
  "minItems",
  "properties",
  "required",
  "minProperties",
  "maxProperties",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "example",
  "anyOf",
  "propertyOrdering",
  "default",
]);

/** Members that say nothing of what is valid, or whose meaning goes where they are used. */
const SILENT: ReadonlySet<string> = new Set(["$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "$ref"]);

/** How many schemas one may hold once its references are replaced, and how deep: one that refers to itself would have no end. */
const MAX_SCHEMAS = 5000;
const MAX_DEPTH = 64;

/** What is at hand while a schema is converted. */
interface Conversion {
  readonly definitions: ReadonlyMap<string, string>;
  readonly field: string;
  /** Members with a meaning that the subset has no word for. */
  readonly lost: Set<string>;
  /** Schemas that may still come. */
  left: number;
}

/**
 * Turns a JSON Schema into the OpenAPI subset, for `schemas: openapi`: types in upper case, `null` among the types and alternatives as
 * `nullable`, `const` as an `enum` of one, `oneOf` as `anyOf`, references replaced by what they mean. Members that the subset lacks
 * (`additionalProperties` ...) are left out, with a warning. Digits and the order of keys are kept. Throws INVALID_FIELD for a reference that
 * leads nowhere or into itself.
 */
export function toOpenApi(schema: string, field: string, { changed }: Pick<Notes, "changed">): RawJson {
  if (!isJsonObjectText(schema)) throw invalidField(field, "must be the text of a JSON object");
  const members = jsonMembers(schema);
  const definitions = new Map(
    ["$defs", "definitions"].flatMap((key) =>
      [...jsonMembers(members.get(key) ?? "{}")].map(([name, text]) => [`#/${key}/${name}`, text] as const),
    ),
  );
  const lost = new Set<string>();
  const converted = convert(schema.trim(), { definitions, field, lost, left: MAX_SCHEMAS }, 0);
  if (lost.size > 0) changed(field, `the OpenAPI subset has no ${[...lost].slice(0, 8).join(", ")}`);
  return rawJson(converted);
}

function convert(schema: string, conversion: Conversion, depth: number): string {
  if (!isObject(schema)) return schema;
  if (depth > MAX_DEPTH) throw endless(conversion);
  const members = resolved(jsonMembers(schema), conversion, 0);
  const inner = (text: string): string => convert(text, conversion, depth + 1);
  const written: (readonly [string, string])[] = [];
  for (const [key, text] of members) {
    if (key === "type") written.push(...typeMembers(text));
    else if (key === "const") written.push(["enum", `[${text}]`]);
    else if (key === "anyOf" || key === "oneOf") written.push(...alternatives(text, inner));
    else if (key === "items") written.push([key, inner(text)]);
    else if (key === "properties") written.push([key, mapMembers(text, inner)]);
    else if (KEPT.has(key)) written.push([key, text]);
    else if (!SILENT.has(key)) conversion.lost.add(key);
  }
  return joinMembers(new Map(written));
}

/** What a reference means, with the members that stand beside it. */
function resolved(
  members: ReadonlyMap<string, string>,
  conversion: Conversion,
  depth: number,
): ReadonlyMap<string, string> {
  const { definitions, field } = conversion;
  conversion.left -= 1;
  if (conversion.left < 0 || depth > MAX_DEPTH) throw endless(conversion);
  const reference = members.get("$ref");
  if (reference === undefined) return members;
  const target: unknown = JSON.parse(reference);
  const definition = definitions.get(String(target));
  if (definition === undefined) throw invalidField(field, `refers to ${String(target)}, which is not in it`);
  return new Map([...resolved(jsonMembers(definition), conversion, depth + 1), ...members]);
}

function endless({ field }: Conversion): ExecutionError {
  return invalidField(field, "refers to itself or is too large for this provider");
}

/** `"string"` is `STRING`, and `["string", "null"]` a `STRING` that is nullable. Numbers are the enum's own. */
function typeMembers(text: string): readonly (readonly [string, string])[] {
  const types = (text.startsWith("[") ? jsonElements(text) : [text]).map((type) => type.toUpperCase());
  const others = types.filter((type) => type !== '"NULL"');
  const nullable = others.length < types.length && others.length > 0 ? ([["nullable", "true"]] as const) : [];
  const [only = '"NULL"'] = others;
  if (others.length < 2) return [["type", only], ...nullable];
  return [["anyOf", `[${others.map((type) => `{"type":${type}}`).join(",")}]`], ...nullable];
}

function alternatives(text: string, inner: (text: string) => string): readonly (readonly [string, string])[] {
  const all = text.startsWith("[") ? jsonElements(text) : [];
  const others = all.filter((one) => !isNull(one));
  const nullable = others.length < all.length ? ([["nullable", "true"]] as const) : [];
  const [only] = others;
  if (others.length === 1 && only !== undefined) return [...jsonMembers(inner(only)), ...nullable];
  return [["anyOf", `[${others.map(inner).join(",")}]`], ...nullable];
}

function isNull(schema: string): boolean {
  return isObject(schema) && jsonMember(schema, "type") === '"null"';
}

function mapMembers(text: string, inner: (text: string) => string): string {
  return isObject(text)
    ? joinMembers([...jsonMembers(text)].map(([key, value]) => [key, inner(value)] as const))
    : text;
}

const isObject = (text: string): boolean => text.startsWith("{");
