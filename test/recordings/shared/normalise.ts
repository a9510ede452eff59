import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "./json.ts";

/** The ways in which two bodies of a wire may differ and mean the same. Paths are written `messages[1].content`. */
export interface Normalisation {
  /** The rules by name, each with its reason. */
  readonly rules: Readonly<Record<string, string>>;
  /** Paths of values that are the caller's own, such as schemas: nothing in them is normalised. */
  readonly opaque: RegExp;
  /** The rule by which a member counts as absent; undefined if it counts. */
  readonly absence: (value: JsonValue, path: string) => string | undefined;
  /** A value, whose own members are normal already, in its normal form and the rule for it; undefined if it is in that form. */
  readonly rewrite: (
    value: JsonValue,
    path: string,
  ) => { readonly rule: string; readonly value: JsonValue } | undefined;
}

/** Brings a body into the form in which bodies that mean the same are equal. `used` is told of every rule that changed something. */
export function normalise(body: JsonObject, by: Normalisation, used: (rule: string) => void): JsonObject {
  return normaliseMembers(body, "", by, used);
}

function normaliseMembers(
  value: JsonObject,
  path: string,
  by: Normalisation,
  used: (rule: string) => void,
): JsonObject {
  const members = Object.entries(value).flatMap(([key, member]): [string, JsonValue][] => {
    const place = path === "" ? key : `${path}.${key}`;
    if (by.opaque.test(place)) return [[key, member]];
    const rule = by.absence(member, place);
    if (rule === undefined) return [[key, normaliseValue(member, place, by, used)]];
    used(rule);
    return [];
  });
  return Object.fromEntries(members);
}

function normaliseValue(value: JsonValue, path: string, by: Normalisation, used: (rule: string) => void): JsonValue {
  const inside = normaliseInside(value, path, by, used);
  const rewritten = by.rewrite(inside, path);
  if (rewritten === undefined) return inside;
  used(rewritten.rule);
  return rewritten.value;
}

function normaliseInside(value: JsonValue, path: string, by: Normalisation, used: (rule: string) => void): JsonValue {
  if (isObject(value)) return normaliseMembers(value, path, by, used);
  if (!Array.isArray(value)) return value;
  return value.map((element, index) => normaliseValue(element, `${path}[${index}]`, by, used));
}
