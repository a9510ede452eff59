import { nearest } from "./nearest.ts";
import {
  DEFAULT_PLACE,
  isEmpty,
  type MapNode,
  mapOf,
  type Path,
  type Place,
  type ScalarNode,
  scalar,
  type Tree,
} from "./tree.ts";

/** What reading reports to. */
export interface ReadContext {
  /** Notes that the value at `path` is bad; `place` if that is not where the value stands. */
  problem(path: Path, message: string, place?: Place): void;
  /** Notes where the value at `path` comes from. */
  origin(path: Path, place: Place): void;
}

/** A piece of JSON Schema, draft 7. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A kind of value: how it is read and how the reference calls it. Reading reports what is bad and then gives undefined. */
export interface Type<T> {
  /** Such as `duration`. */
  readonly label: string;
  /** Which values of the kind are good, for the reference: `1ms to 1h`. */
  readonly detail?: string;
  /** What is below it, for those who walk the schema. */
  readonly below?: Below;
  /** What is good in an editor, where that does not follow from what is below it. Never less than what `read` takes. */
  readonly json?: JsonSchema;
  /** True if what was written may be a secret, and so is never shown. */
  readonly secret?: true;
  read(tree: Tree, path: Path, context: ReadContext): T | undefined;
}

/** What a type reads to. */
export type ReadOf<T> = T extends Type<infer V> ? V : never;

/** What a type that is no single value is made of. */
export type Below =
  | { readonly kind: "object"; readonly fields: Fields }
  | { readonly kind: "map"; readonly key: string; readonly names: Type<unknown>; readonly value: Type<unknown> }
  | { readonly kind: "list"; readonly item: Type<unknown>; readonly least: number; readonly most: number };

/** Whether a key must be there, may be missing, or has a default. */
export type Presence = "required" | "optional" | "defaulted";

/** A default as it would be written in the file. */
export type Fallback = string | number | boolean | readonly (string | number)[] | Readonly<Record<string, never>>;

/** One key of an object: what it holds, and what it means. */
export interface Field<T = unknown, P extends Presence = Presence> {
  readonly type: Type<T>;
  readonly presence: P;
  readonly fallback?: Fallback;
  readonly doc: string;
}

/** The keys of an object. */
export type Fields = Readonly<Record<string, Field>>;

type ValueOf<F extends Field> = F extends Field<infer T> ? T : never;

/** What an object of these keys reads to. */
export type ObjectOf<F extends Fields> = {
  readonly [K in keyof F as F[K]["presence"] extends "optional" ? never : K]: ValueOf<F[K]>;
} & {
  readonly [K in keyof F as F[K]["presence"] extends "optional" ? K : never]?: ValueOf<F[K]>;
};

/** A key that must be there. */
export function required<T>(type: Type<T>, doc: string): Field<T, "required"> {
  return { type, presence: "required", doc };
}

/** A key that may be missing; `doc` says what then holds. */
export function optional<T>(type: Type<T>, doc: string): Field<T, "optional"> {
  return { type, presence: "optional", doc };
}

/** A key that may be missing and then has this value, written as in the file. */
export function defaulted<T>(type: Type<T>, fallback: Fallback, doc: string): Field<T, "defaulted"> {
  return { type, presence: "defaulted", fallback, doc };
}

/**
 * An object with known keys. Others are refused, with the nearest known one; those of `later` as what is to come. A bad value counts as missing,
 * so that the rest is checked as well.
 */
export function object<F extends Fields>(fields: F, later: readonly string[] = []): Type<ObjectOf<F>> {
  const read = (tree: Tree, path: Path, context: ReadContext): ObjectOf<F> | undefined => {
    const map = asMap(tree, path, context);
    if (map === undefined) return undefined;
    for (const [key, { keyPlace }] of map.entries) {
      if (!Object.hasOwn(fields, key)) context.problem([...path, key], unknownKey(key, fields, later), keyPlace);
    }
    const values: Record<string, unknown> = {};
    let complete = true;
    for (const [key, field] of Object.entries(fields)) {
      const value = readField(map, key, field, [...path, key], context);
      if (value !== undefined) values[key] = value;
      else if (field.presence === "required") complete = false;
    }
    // Every key that must be there is, each read by its own type.
    return complete ? (values as ObjectOf<F>) : undefined;
  };
  return { label: "map", below: { kind: "object", fields }, read };
}

function unknownKey(key: string, fields: Fields, later: readonly string[]): string {
  if (later.includes(key)) return "is not supported yet; remove it";
  const known = Object.keys(fields);
  const guess = nearest(key, known);
  return `there is no such key. ${guess === undefined ? `The keys here are ${known.join(", ")}` : `Did you mean "${guess}"?`}`;
}

function readField(map: MapNode, key: string, field: Field, path: Path, context: ReadContext): unknown {
  const entry = map.entries.get(key);
  if (entry !== undefined) {
    context.origin(path, entry.value.place);
    const value = field.type.read(entry.value, path, context);
    if (value !== undefined) return value;
  } else if (field.presence === "required") {
    context.problem(path, `is missing; it is the ${field.type.label} that says: ${field.doc}`, map.place);
  }
  return field.fallback === undefined ? undefined : field.type.read(defaultTree(field.fallback), path, context);
}

/** A default as a tree. */
export function defaultTree(fallback: Fallback): Tree {
  if (typeof fallback === "string" || typeof fallback === "boolean") return scalar(fallback);
  if (typeof fallback === "number") return scalar(BigInt(fallback));
  return isWords(fallback)
    ? {
        kind: "list",
        place: DEFAULT_PLACE,
        items: fallback.map((item) => scalar(typeof item === "number" ? BigInt(item) : item)),
      }
    : mapOf({});
}

function isWords(fallback: Fallback): fallback is readonly (string | number)[] {
  return Array.isArray(fallback);
}

/** A map with keys of the user's choice, read by `key`; `keyLabel` is how the reference calls them. Bad entries are left out. */
export function mapping<K, T>(keyLabel: string, key: Type<K>, value: Type<T>): Type<ReadonlyMap<K, T>> {
  return {
    label: "map",
    below: { kind: "map", key: keyLabel, names: key, value },
    read: (tree, path, context) => {
      const map = asMap(tree, path, context);
      if (map === undefined) return undefined;
      const values = new Map<K, T>();
      for (const [name, entry] of map.entries) {
        const at = [...path, name];
        context.origin(at, entry.value.place);
        const keyContext: ReadContext = {
          ...context,
          problem: (path, message) => context.problem(path, message, entry.keyPlace),
        };
        const goodKey = key.read(scalar(name, entry.keyPlace), at, keyContext);
        const good = value.read(entry.value, at, context);
        if (goodKey !== undefined && good !== undefined) values.set(goodKey, good);
      }
      return values;
    },
  };
}

/** A list of `least` to `most` items; bad ones are left out. */
export function list<T>(item: Type<T>, least = 0, most = Number.POSITIVE_INFINITY): Type<readonly T[]> {
  return {
    label: `list of ${item.label}s`,
    below: { kind: "list", item, least, most },
    read: (tree, path, context) => {
      if (tree.kind !== "list") {
        context.problem(path, `must be a list ([a, b], or lines that start with a dash), not ${kindOf(tree)}`);
        return undefined;
      }
      if (tree.items.length < least) {
        context.problem(path, `must have at least ${least === 1 ? "one item" : `${least} items`}`);
      }
      if (tree.items.length > most) context.problem(path, `must have at most ${most} items`);
      return tree.items.flatMap((element, index) => {
        const value = item.read(element, [...path, index], context);
        return value === undefined ? [] : [value];
      });
    },
  };
}

/** Says why a single value is bad. */
export class Refusal {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** What a single value may be written as. */
export type Written = Exclude<ScalarNode["value"], null>;

/** How a single value stands there. */
export interface Wording {
  /** As it is written: `0x10`, whose value is 16. */
  readonly written: string;
  /** Whether it is text from a variable, where everything is text. */
  readonly isVariable: boolean;
}

/** A single value. `parse` gets the value, and how it stands there. */
export function single<T>(
  label: string,
  json: JsonSchema,
  parse: (value: Written, wording: Wording) => T | Refusal,
  detail?: string,
): Type<T> {
  return {
    label,
    json,
    ...(detail === undefined ? {} : { detail }),
    read: (tree, path, context) => {
      const parsed =
        tree.kind === "scalar" && tree.value !== null
          ? parse(tree.value, {
              written: tree.written ?? String(tree.value),
              isVariable: tree.place.source === "environment",
            })
          : new Refusal(
              isEmpty(tree) ? "has no value; give it one or remove the key" : `must be a ${label}, not ${kindOf(tree)}`,
            );
      if (!(parsed instanceof Refusal)) return parsed;
      context.problem(path, parsed.message);
      return undefined;
    },
  };
}

/** The tree as a map, an empty value being an empty map; anything else is a problem. */
export function asMap(tree: Tree, path: Path, context: ReadContext): MapNode | undefined {
  if (tree.kind === "map") return tree;
  if (isEmpty(tree)) return mapOf({}, tree.place);
  context.problem(path, `must be a map (indented "key: value" lines), not ${kindOf(tree)}`);
  return undefined;
}

/** What was written, without its content, which may be a secret. */
export function kindOf(tree: Tree): string {
  if (tree.kind !== "scalar") return `a ${tree.kind}`;
  if (tree.value === null) return "nothing";
  if (typeof tree.value === "bigint" || typeof tree.value === "number") return "a number";
  return typeof tree.value === "boolean" ? "true or false" : "text";
}
