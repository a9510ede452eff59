import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../../emulators/exchange.ts";

/** A JSON object of a recorded body. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** Whether a JSON value is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The paths at which two values differ: `messages[1].content`. Tells nothing of what is there. */
export function differingPaths(one: JsonValue | undefined, other: JsonValue | undefined, path = ""): string[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (isObject(one) && isObject(other)) {
    const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return keys.flatMap((key) => differingPaths(one[key], other[key], path === "" ? key : `${path}.${key}`));
  }
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    return one.flatMap((element, index) => differingPaths(element, other[index], `${path}[${index}]`));
  }
  return [path];
}
