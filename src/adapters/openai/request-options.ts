import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { isJsonObjectText, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import type { BuildContext } from "./request-notes.ts";

/** The kind of the contract's `provider_options_json` this adapter reads. */
const KIND = "openai";

/**
 * Reads the options meant for this kind of provider: top-level fields of the body, as they are. Throws INVALID_FIELD for text that is no JSON
 * object and for any field not on the vendor's list, which holds none the contract owns and none that changes the price.
 */
export function buildOptions({ providerOptionsJson }: ChatRequest, { quirks }: BuildContext): Record<string, RawJson> {
  const text = Object.hasOwn(providerOptionsJson, KIND) ? providerOptionsJson[KIND] : undefined;
  if (text === undefined || text === "") return {};
  const path = `provider_options_json["${KIND}"]`;
  if (!isJsonObjectText(text)) throw invalidField(path, "must be the text of a JSON object");
  const members = [...jsonMembers(text)];
  for (const [key] of members) {
    if (!quirks.options.includes(key)) {
      const known = quirks.options.length === 0 ? "none" : quirks.options.join(", ");
      throw invalidField(`${path}.${key}`, `is not allowed for ${quirks.vendor}; allowed: ${known}`);
    }
  }
  return Object.fromEntries(members.map(([key, value]) => [key, rawJson(value)]));
}
