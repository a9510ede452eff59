import { configSchema } from "./file-schema.ts";
import type { Field, JsonSchema, Type } from "./reader.ts";

/**
 * The configuration file as JSON Schema (draft 7), for editors and for checks without the program. It refuses unknown keys and values of the wrong
 * form. What only the whole file or the machine tells (names that do not exist, missing secrets, unsafe addresses) is for `config check`.
 */
export function configJsonSchema(): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of execution-platform",
    ...schemaOf(configSchema),
  };
}

function schemaOf(type: Type<unknown>): JsonSchema {
  const { below, json } = type;
  if (json !== undefined) return json;
  if (below?.kind === "object") {
    const required = Object.entries(below.fields).flatMap(([key, { presence }]) =>
      presence === "required" ? [key] : [],
    );
    return {
      // An empty value is an empty map, which does where nothing must be there.
      type: required.length === 0 ? ["object", "null"] : "object",
      properties: Object.fromEntries(Object.entries(below.fields).map(([key, field]) => [key, fieldSchema(field)])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    };
  }
  if (below?.kind === "map") {
    const { type: _, ...names } = schemaOf(below.names);
    return { type: ["object", "null"], propertyNames: names, additionalProperties: schemaOf(below.value) };
  }
  if (below?.kind === "list") {
    return {
      type: "array",
      items: schemaOf(below.item),
      ...(below.least > 0 && { minItems: below.least }),
      ...(Number.isFinite(below.most) && { maxItems: below.most }),
    };
  }
  throw new Error(`a ${type.label} has no JSON Schema`);
}

function fieldSchema({ type, doc, fallback }: Field): JsonSchema {
  const isMap = typeof fallback === "object" && !Array.isArray(fallback);
  return {
    description: doc,
    ...(fallback !== undefined && !isMap && { default: fallback }),
    ...schemaOf(type),
  };
}
