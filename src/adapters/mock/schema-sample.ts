/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

type Schema = { readonly [keyword: string]: JsonValue };

/** Schemas looked at for one value. References can make a small schema endless; what is beyond is null. */
const MAX_SCHEMAS = 2_000;
/** How deep references and properties are followed. */
const MAX_DEPTH = 32;
const MAX_ITEMS = 100;
const MAX_CHARACTERS = 1_000;

/** Texts for the formats of JSON Schema; others are free text. */
const FORMATS: Readonly<Record<string, string>> = {
  date: "2000-01-01",
  "date-time": "2000-01-01T00:00:00Z",
  time: "00:00:00Z",
  duration: "PT1S",
  email: "mock@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  "uri-reference": "/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

interface Position {
  readonly root: JsonValue;
  /** Name of the property, for texts. */
  readonly name: string;
  readonly depth: number;
  readonly budget: { schemas: number };
}

/**
 * Makes the smallest value that follows a JSON Schema: constants, defaults, first enum values and examples as they are, required properties
 * only, as few items as allowed, texts named after their property. The same schema gives the same value. Local `$ref` are followed; of `anyOf`
 * and `oneOf` the first is taken, `allOf` is merged. `not`, `if` and dependencies are not looked at, nor is `pattern`: running a caller's
 * expression would let it hold the process.
 */
export function sampleOfSchema(schema: JsonValue): JsonValue {
  return sample(schema, { root: schema, name: "text", depth: 0, budget: { schemas: MAX_SCHEMAS } });
}

function sample(value: JsonValue | undefined, position: Position): JsonValue {
  const schema = flatten(value, position, position.depth);
  if (isSpent(position, position.depth)) return null;
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  const [first] = [...listOf(schema.enum), ...listOf(schema.examples)];
  if (first !== undefined) return first;
  switch (typeOf(schema)) {
    case "object":
      return sampleObject(schema, position);
    case "array":
      return sampleArray(schema, position);
    case "string":
      return sampleString(schema, position.name);
    case "integer":
      return sampleNumber(schema, true);
    case "number":
      return sampleNumber(schema, false);
    case "boolean":
      return false;
    default:
      return null;
  }
}

function isSpent({ budget }: Position, depth: number): boolean {
  return depth > MAX_DEPTH || budget.schemas <= 0;
}

/** The schema with its reference, its `allOf` and the first of its alternatives merged in. */
function flatten(value: JsonValue | undefined, position: Position, depth: number): Schema {
  position.budget.schemas -= 1;
  if (!isObject(value) || isSpent(position, depth)) return {};
  const { $ref: reference, allOf, anyOf, oneOf, ...own } = value;
  const others = [
    ...(typeof reference === "string" ? [resolve(position.root, reference)] : []),
    ...listOf(allOf),
    ...listOf(anyOf).slice(0, 1),
    ...listOf(oneOf).slice(0, 1),
  ];
  return others.reduce<Schema>((merged, other) => merge(merged, flatten(other, position, depth + 1)), own);
}

function merge(left: Schema, right: Schema): Schema {
  const properties = { ...objectOf(right.properties), ...objectOf(left.properties) };
  const required = [...listOf(left.required), ...listOf(right.required)];
  return {
    ...right,
    ...left,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
  };
}

function typeOf(schema: Schema): JsonValue {
  const [type] = typeof schema.type === "string" ? [schema.type] : listOf(schema.type);
  if (type !== undefined) return type;
  if ("properties" in schema || "required" in schema) return "object";
  if ("items" in schema || "prefixItems" in schema || "minItems" in schema) return "array";
  if ("format" in schema || "minLength" in schema || "pattern" in schema) return "string";
  if ("minimum" in schema || "maximum" in schema || "multipleOf" in schema) return "number";
  return "object";
}

function sampleObject(schema: Schema, position: Position): JsonValue {
  const properties = objectOf(schema.properties);
  const names = new Set(listOf(schema.required).filter((name) => typeof name === "string"));
  const least = Math.min(numberOf(schema.minProperties) ?? 0, MAX_ITEMS);
  for (const name of Object.keys(properties)) if (names.size < least) names.add(name);
  for (let index = 1; names.size < least; index += 1) names.add(`property${index}`);
  const entries = [...names].map((name): [string, JsonValue] => {
    const property = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
    return [name, sample(property, { ...position, name, depth: position.depth + 1 })];
  });
  return Object.fromEntries(entries);
}

function sampleArray(schema: Schema, position: Position): JsonValue {
  const first = listOf(schema.prefixItems);
  const length = Math.min(numberOf(schema.minItems) ?? 0, MAX_ITEMS);
  return Array.from({ length }, (_, index) =>
    sample(first[index] ?? schema.items, { ...position, depth: position.depth + 1 }),
  );
}

function sampleString(schema: Schema, name: string): string {
  if (typeof schema.format === "string" && Object.hasOwn(FORMATS, schema.format)) return FORMATS[schema.format] ?? name;
  const least = Math.min(numberOf(schema.minLength) ?? 0, MAX_CHARACTERS);
  const characters = [...name, ..."x".repeat(Math.max(0, least - [...name].length))];
  return characters.slice(0, numberOf(schema.maxLength)).join("");
}

function sampleNumber(schema: Schema, whole: boolean): number {
  const step = numberOf(schema.multipleOf) ?? (whole ? 1 : undefined);
  const above = numberOf(schema.exclusiveMinimum);
  const below = numberOf(schema.exclusiveMaximum);
  const low = above ?? numberOf(schema.minimum);
  const high = below ?? numberOf(schema.maximum);
  const fits = (value: number): boolean =>
    value >= (low ?? value) && value <= (high ?? value) && value !== above && value !== below;
  const start = low ?? 0;
  const end = high ?? 0;
  if (step === undefined || step <= 0) return [0, start, end, start + 1, end - 1, (start + end) / 2].find(fits) ?? 0;
  const up = Math.ceil(start / step) * step;
  const down = Math.floor(end / step) * step;
  return [0, up, up + step, down, down - step].find((value) => fits(value) && (!whole || Number.isInteger(value))) ?? 0;
}

function resolve(root: JsonValue, reference: string): JsonValue | undefined {
  if (!reference.startsWith("#")) return undefined;
  const names = reference.slice(1).split("/").slice(1);
  return names.reduce<JsonValue | undefined>((value, escaped) => {
    const name = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(value)) return value[Number(name)];
    return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, root);
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: JsonValue | undefined): { [key: string]: JsonValue } {
  return isObject(value) ? value : {};
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** A number a schema can be held to; negative lengths and the like count as none where they are used as one. */
function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
