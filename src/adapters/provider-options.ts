import { isJsonObjectText, jsonMembers, type RawJson, rawJson } from "../json-text.ts";
import { invalidField } from "./notes.ts";

/** Whose options are read, and which of them are allowed. */
export interface AllowedOptions {
  /** Key in the contract's `provider_options_json`. */
  readonly kind: string;
  /** What the options are for, in words for the caller. */
  readonly vendor: string;
  /** Fields that may be set: none the contract owns and none that changes the price. */
  readonly allowed: readonly string[];
}

/**
 * Reads the `provider_options_json` meant for a kind of provider, found at `path`: fields in the provider's words, as they are. Throws
 * INVALID_FIELD for text that is no JSON object and for any field that is not allowed.
 */
export function readProviderOptions(
  options: Readonly<Record<string, string>>,
  path: string,
  { kind, vendor, allowed }: AllowedOptions,
): Record<string, RawJson> {
  const text = Object.hasOwn(options, kind) ? options[kind] : undefined;
  if (text === undefined || text === "") return {};
  const place = `${path}["${kind}"]`;
  if (!isJsonObjectText(text)) throw invalidField(place, "must be the text of a JSON object");
  const members = [...jsonMembers(text)];
  for (const [key] of members) {
    if (!allowed.includes(key)) {
      const known = allowed.length === 0 ? "none" : allowed.join(", ");
      throw invalidField(`${place}.${key}`, `is not allowed for ${vendor}; allowed: ${known}`);
    }
  }
  return Object.fromEntries(members.map(([key, value]) => [key, rawJson(value)]));
}
