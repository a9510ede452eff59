import type { DescEnum, DescField, DescMessage, JsonObject, Message } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../../errors.ts";
import type { ServerCall } from "../dispatcher.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Reads the query of a GET as the fields of a message, by their names in the proto or in JSON. Beyond what ProtoJSON takes, a repeated field
 * may have its values in one parameter, with commas, or in several; an enum may be named without its prefix, in any case (`day`); a time
 * may be a UTC day (`2026-11-26`), and `metadata.team` has the value `team` of a map. Throws INVALID_FIELD.
 */
export async function decodeQuery({ query }: Exchange, call: ServerCall, schema: DescMessage): Promise<Message> {
  const fields = readQueryFields(new URLSearchParams(query), schema);
  return call.decode(Buffer.from(JSON.stringify(fields), "utf8"), "json");
}

/** The fields of a message that parameters name, as ProtoJSON has them. Throws INVALID_FIELD for one that is there twice. */
export function readQueryFields(params: URLSearchParams, schema: DescMessage): JsonObject {
  const fields = new Map<string, string | string[]>();
  const maps = new Map<string, Map<string, string>>();
  for (const [name, value] of params) {
    const [mapName, entry] = splitAtDot(name);
    if (entry !== undefined && fieldOf(schema, mapName)?.fieldKind === "map") {
      const entries = maps.get(mapName) ?? new Map<string, string>();
      maps.set(mapName, entries);
      if (entries.has(entry)) refuseTwice(name);
      entries.set(entry, value);
      continue;
    }
    const field = fieldOf(schema, name);
    const key = field?.name ?? name;
    const before = fields.get(key);
    if (field?.fieldKind === "list") {
      const values = value.split(",").filter((part) => part !== "");
      fields.set(key, [...(before ?? []), ...values.map((part) => (field.enum ? enumName(field.enum, part) : part))]);
    } else {
      if (before !== undefined) refuseTwice(name);
      fields.set(key, field === undefined ? value : fieldValue(field, value));
    }
  }
  const mapped = [...maps].map(([name, entries]) => [name, Object.fromEntries(entries)] as const);
  return Object.fromEntries([...fields, ...mapped]);
}

function fieldOf(schema: DescMessage, name: string): DescField | undefined {
  return schema.fields.find((known) => known.name === name || known.jsonName === name);
}

/** What is before the first dot, and after it, if there is one. */
function splitAtDot(name: string): readonly [before: string, after: string | undefined] {
  const dot = name.indexOf(".");
  return dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
}

function fieldValue(field: DescField, value: string): string {
  if (field.enum !== undefined) return enumName(field.enum, value);
  const isDay = field.message?.typeName === TimestampSchema.typeName && /^\d{4}-\d{2}-\d{2}$/.test(value);
  return isDay ? `${value}T00:00:00Z` : value;
}

/** `COST_DIMENSION_DAY` for `day`; a word the enum does not have stays as it is, to be refused with the rest. */
function enumName({ values, sharedPrefix }: DescEnum, word: string): string {
  const full = `${sharedPrefix ?? ""}${word}`.toUpperCase();
  return values.find(({ name }) => name === full)?.name ?? word;
}

function refuseTwice(name: string): never {
  const field = name.slice(0, 64);
  const description = `the query has ${JSON.stringify(field)} more than once`;
  throw new ExecutionError("INVALID_FIELD", description, { fields: [{ field, description }] });
}
