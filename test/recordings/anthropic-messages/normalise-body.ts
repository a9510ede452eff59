import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { Normalisation } from "../shared/normalise.ts";

/** Fields by the end of their path, and their defaults in Anthropic's API reference. */
const DEFAULTS: readonly (readonly [path: RegExp, value: JsonValue])[] = [
  [/^stream$/, false],
  [/^messages\[\d+\]\.content\[\d+\]\.is_error$/, false],
];

/** How messages bodies may differ and mean the same. Nothing in schemas, calls' inputs and the provider's own blocks is normalised. */
export const messagesNormalisation: Normalisation = {
  rules: {
    null: "null is absent: the API reference types optional fields as nullable",
    "one text": "a list of one text block is its text: `content` and `system` take either",
    "empty text": "an empty system prompt is none: there is nothing in it, and the API takes no empty block",
    "empty list": "an empty list of tools is none: there is nothing in it",
    default: "a field with the value the API reference gives as its default says nothing (DEFAULTS)",
  },
  opaque: /^(tools\[\d+\]\.input_schema|output_config\.format\.schema|messages\[\d+\]\.content\[\d+\]\.input)$/,
  absence: (value, path) => {
    if (value === null) return "null";
    if (path === "system" && value === "") return "empty text";
    if (path === "tools" && Array.isArray(value) && value.length === 0) return "empty list";
    return DEFAULTS.some(([place, byDefault]) => place.test(path) && value === byDefault) ? "default" : undefined;
  },
  rewrite: (value, path) => {
    const text = /(^system|\.content)$/.test(path) ? onlyText(value) : undefined;
    return text === undefined ? undefined : { rule: "one text", value: text };
  },
};

function onlyText(value: JsonValue): JsonValue | undefined {
  if (!Array.isArray(value) || value.length !== 1) return undefined;
  const [only] = value as readonly JsonValue[];
  return isObject(only) && only.type === "text" && Object.keys(only).length === 2 ? only.text : undefined;
}

/**
 * Recorded clients leave out of a call that the model called it itself, which the answer says and the request has as its default: in that turn
 * `caller: {type: direct}` is absent.
 */
export function normaliseTurn(body: JsonObject, turn: number): JsonObject {
  if (!Array.isArray(body.messages)) return body;
  let assistants = -1;
  const messages = body.messages.map((message) => {
    if (!isObject(message) || message.role !== "assistant") return message;
    assistants += 1;
    const { content } = message;
    return assistants === turn && Array.isArray(content)
      ? { ...message, content: content.map(withoutDirect) }
      : message;
  });
  return { ...body, messages };
}

function withoutDirect(block: JsonValue): JsonValue {
  if (!(isObject(block) && isObject(block.caller)) || block.caller.type !== "direct") return block;
  const { caller: _, ...rest } = block;
  return rest;
}
