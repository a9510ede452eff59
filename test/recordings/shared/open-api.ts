import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "./json.ts";
import { checkWith, type SpecCheck, specFile } from "./specs.ts";

const PREFIX = "#/components/schemas/";

/** A check against a schema of a published OpenAPI document, a gzipped YAML file below the specs. Throws where it is missing. */
export function loadOpenApi(file: string, name: string): SpecCheck {
  return openApiCheck(parse(gunzipSync(readFileSync(specFile(file))).toString("utf8")) as JsonValue, name);
}

/**
 * A check against a schema of an OpenAPI 3.1 document. It is stricter than the document: where an object's properties are listed, others are
 * refused. Throws where there is no such schema.
 */
export function openApiCheck(document: JsonValue, name: string): SpecCheck {
  const schemas = memberOf(memberOf(document, "components"), "schemas");
  if (!isObject(schemas) || schemas[name] === undefined) throw new Error(`the document has no schema ${name}`);
  const translated = mapMembers(schemas, (schema) => toJsonSchema(schema, schemas));
  // A format says how to read a text (`uri`, `binary`), and some are OpenAPI's own.
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
  return checkWith(ajv.compile({ $ref: PREFIX + name, components: { schemas: translated } }));
}

/** The JSON Schema of an OpenAPI schema. What else OpenAPI has (`example`, `x-...`) says nothing of a value, and Ajv passes it over. */
function toJsonSchema(schema: JsonValue, schemas: JsonObject): JsonValue {
  if (!isObject(schema)) return schema;
  const { nullable, discriminator: _, ...closed } = withClosedObjects(schema, schemas);
  // `nullable` is OpenAPI 3.0 and no keyword of 3.1, but OpenAI's document has it all over.
  return nullable === true ? { anyOf: [closed, { type: "null" }] } : closed;
}

function withClosedObjects(schema: JsonObject, schemas: JsonObject): JsonObject {
  const inside = withInside(schema, schemas);
  const listsProperties = schema.properties !== undefined || schema.allOf !== undefined;
  return listsProperties && schema.additionalProperties === undefined
    ? { ...inside, unevaluatedProperties: false }
    : inside;
}

/** A schema with those inside it translated. Parts of an `allOf` stay open: each has properties that the others do not. */
function withInside(schema: JsonObject, schemas: JsonObject): JsonObject {
  const { oneOf, anyOf, allOf, items, properties, additionalProperties, ...rest } = schema;
  const inner = (value: JsonValue): JsonValue => toJsonSchema(value, schemas);
  return {
    ...rest,
    ...(isObject(properties) && { properties: mapMembers(properties, inner) }),
    ...(items !== undefined && { items: inner(items) }),
    ...(additionalProperties !== undefined && { additionalProperties: inner(additionalProperties) }),
    ...(Array.isArray(anyOf) && { anyOf: anyOf.map(inner) }),
    ...(Array.isArray(allOf) && { allOf: allOf.map((part) => openPart(part, schemas)) }),
    ...(Array.isArray(oneOf) && choice(oneOf, schemas)),
  };
}

function openPart(part: JsonValue, schemas: JsonObject): JsonValue {
  const target = resolve(part, schemas);
  return isObject(target) ? withInside(target, schemas) : target;
}

/**
 * One of several. Where each names itself in `type` or `role`, the one of that name has to fit, so that nothing is said of the others. The name
 * is then required, since we always send it.
 */
function choice(options: readonly JsonValue[], schemas: JsonObject): JsonObject {
  const inner = options.map((option) => toJsonSchema(option, schemas));
  const tag = ["role", "type"].find((name) => options.every((option) => tagOf(option, name, schemas) !== undefined));
  if (tag === undefined) return { oneOf: inner };
  const names = options.map((option) => tagOf(option, tag, schemas) ?? null);
  return {
    type: "object",
    required: [tag],
    properties: { [tag]: { enum: names } },
    allOf: inner.map((then, index) => ({ if: { properties: { [tag]: { const: names[index] ?? null } } }, then })),
  };
}

/** The one value a schema takes for a property; undefined if it takes others, or none. */
function tagOf(schema: JsonValue, name: string, schemas: JsonObject): JsonValue | undefined {
  const property = memberOf(memberOf(resolve(schema, schemas), "properties"), name);
  const values = memberOf(property, "enum");
  return Array.isArray(values) && values.length === 1 ? values[0] : memberOf(property, "const");
}

function resolve(schema: JsonValue, schemas: JsonObject): JsonValue {
  const target = memberOf(schema, "$ref");
  return typeof target === "string" ? (schemas[target.slice(PREFIX.length)] ?? schema) : schema;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isObject(value) ? value[name] : undefined;
}

function mapMembers(object: JsonObject, map: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
