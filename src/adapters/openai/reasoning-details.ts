import { asArray, asObject, asText, type JsonObject } from "../json.ts";
import { ENTRY_COST, type Kept } from "../kept.ts";

/** OpenRouter's `reasoning_details` of one answer (openrouter.ai/docs, "Preserving reasoning"). */
export interface ReasoningDetails {
  /** Takes the details of a message or a delta; returns the readable text in them. */
  add(details: unknown): string;
  /**
   * All details as JSON text, pieces of the same detail joined: what has to go back unchanged. Undefined where nothing is signed or
   * encrypted, because then the text says it all.
   */
  state(): string | undefined;
}

/** Texts of a detail that arrive in pieces. */
const PIECED = ["text", "summary", "data"] as const;

/** Collects details: those of the same index and type are pieces of one. */
export function createReasoningDetails(kept: Kept): ReasoningDetails {
  const collected = new Map<string, Map<string, unknown>>();

  const merge = (detail: JsonObject): void => {
    const index = typeof detail.index === "number" ? detail.index : "";
    const key = `${index} ${asText(detail.type)}`;
    const known = collected.get(key) ?? new Map<string, unknown>();
    for (const [name, value] of Object.entries(detail)) {
      kept.add(ENTRY_COST + JSON.stringify(value).length);
      if (!known.has(name)) known.set(name, value);
      else if (PIECED.some((pieced) => pieced === name)) known.set(name, asText(known.get(name)) + asText(value));
      else if (value !== null) known.set(name, value);
    }
    collected.set(key, known);
  };

  return {
    add: (details) => {
      let text = "";
      for (const entry of asArray(details)) {
        const detail = asObject(entry);
        if (detail === undefined) continue;
        merge(detail);
        text += asText(detail.text) + asText(detail.summary);
      }
      return text;
    },
    state: () => {
      const details = [...collected.values()].map((known) => Object.fromEntries(known));
      const isOpaque = details.some(({ signature, data }) => asText(signature) !== "" || asText(data) !== "");
      return isOpaque ? JSON.stringify(details) : undefined;
    },
  };
}
