import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { encodeJson, isJsonObjectText, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import type { BuildContext } from "./request-notes.ts";

/** The kind of the contract's `provider_options_json` this adapter reads. */
export const OPTIONS_KIND = "gemini";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Adds the options meant for this kind of provider to a body: members of the body, and members of its objects, where the list of the model's
 * quirks names their path (`cachedContent`, `generationConfig.mediaResolution`). Values go as they are. The list holds no field that the contract
 * owns and none that changes the price. Throws INVALID_FIELD for text that is no JSON object and for any path not on the list.
 */
export function withOptions(body: Fields, { providerOptionsJson }: ChatRequest, { quirks }: BuildContext): Fields {
  const text = Object.hasOwn(providerOptionsJson, OPTIONS_KIND) ? providerOptionsJson[OPTIONS_KIND] : undefined;
  if (text === undefined || text === "") return body;
  const field = `provider_options_json["${OPTIONS_KIND}"]`;
  if (!isJsonObjectText(text)) throw invalidField(field, "must be the text of a JSON object");
  return merge(body, text, "", { field, allowed: quirks.options });
}

interface Allowance {
  readonly field: string;
  readonly allowed: readonly string[];
}

function merge(object: Fields, text: string, prefix: string, allowance: Allowance): Fields {
  const { field, allowed } = allowance;
  const merged: Record<string, unknown> = { ...object };
  for (const [key, value] of jsonMembers(text)) {
    const path = prefix + key;
    if (allowed.includes(path)) merged[key] = rawJson(value);
    else if (allowed.some((other) => other.startsWith(`${path}.`)) && value.startsWith("{")) {
      merged[key] = merge(fieldsOf(merged[key]), value, `${path}.`, allowance);
    } else {
      const known = allowed.length === 0 ? "none" : allowed.join(", ");
      throw invalidField(`${field}.${path}`, `is not allowed here; allowed: ${known}`);
    }
  }
  return merged;
}

/** The members of an object of the body, which may have been written as raw JSON. */
function fieldsOf(value: unknown): Fields {
  if (value === undefined) return {};
  const members = [...jsonMembers(encodeJson(value))];
  return Object.fromEntries(members.map(([key, text]): [string, RawJson] => [key, rawJson(text)]));
}
