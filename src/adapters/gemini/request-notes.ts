import type { ExecutionError } from "../../errors.ts";
import type { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import type { CacheHint } from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, type RawJson, rawJson } from "../../json-text.ts";
import { cannotCarry as cannot, createNotes, invalidField, type Notes } from "../notes.ts";
import type { Quirks } from "./quirks.ts";

/** What is at hand while a request is built: the model's quirks, and where to say what was left out. */
export interface BuildContext extends Notes {
  readonly quirks: Quirks;
}

/** How the wire is called where something is refused or left out. */
export const VENDOR = "Gemini";

/** A context that collects warnings. */
export function createBuildContext(quirks: Quirks): BuildContext {
  return { quirks, ...createNotes() };
}

/** The error for content the wire has no place for. */
export function cannotCarry(field: string, what: string, capability?: Capability): ExecutionError {
  return cannot(VENDOR, field, what, capability);
}

/** JSON text of an object, to be sent as it is. Throws INVALID_FIELD for anything else. */
export function jsonObject(text: string, field: string): RawJson {
  if (!isJsonObjectText(text)) throw invalidField(field, "must be the text of a JSON object");
  return rawJson(text);
}

/** Warns of a cache hint of what is at a path, empty for the request's own: the wire takes none. */
export function ignoreCacheHint(
  { cacheHint }: { readonly cacheHint?: CacheHint | undefined },
  path: string,
  { ignored }: BuildContext,
): void {
  if (cacheHint === undefined) return;
  ignored(
    path === "" ? "cache_hint" : `${path}.cache_hint`,
    `${VENDOR} caches by itself, or what the provider option cachedContent names`,
  );
}

/** Whether a number is given and fits the wire's int32. Warns if it does not. */
export function fitsWire(field: string, value: number | bigint | undefined, { ignored }: BuildContext): boolean {
  if (value === undefined) return false;
  if (value >= -(2 ** 31) && value < 2 ** 31) return true;
  ignored(field, `${VENDOR} takes numbers of 32 bits with a sign`);
  return false;
}
