import { asArray, asObject, asText, type JsonObject } from "../json.ts";

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
export function createReasoningDetails(): ReasoningDetails {
  const collected = new Map<string, Record<string, unknown>>();

  const merge = (detail: JsonObject): void => {
    const key = `${String(detail.index)} ${String(detail.type)}`;
    const known = collected.get(key);
    if (known === undefined) {
      collected.set(key, { ...detail });
      return;
    }
    for (const [name, value] of Object.entries(detail)) {
      if (PIECED.some((pieced) => pieced === name)) known[name] = asText(known[name]) + asText(value);
      else if (value !== null) known[name] = value;
    }
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
      const details = [...collected.values()];
      const isOpaque = details.some(({ signature, data }) => asText(signature) !== "" || asText(data) !== "");
      return isOpaque ? JSON.stringify(details) : undefined;
    },
  };
}
