import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { Normalisation } from "../shared/normalise.ts";

/** Fields by the last steps of their path, and their defaults in OpenAI's or (`safe_prompt`, `prefix`, `index`, `type`) Mistral's reference. */
const DEFAULTS: readonly (readonly [path: RegExp, value: JsonValue])[] = [
  [/^stream$/, false],
  [/^n$/, 1],
  [/^safe_prompt$/, false],
  [/^messages\[\d+\]\.prefix$/, false],
  [/^messages\[\d+\]\.tool_calls\[\d+\]\.index$/, 0],
  [/^messages\[\d+\]\.tool_calls\[\d+\]\.type$/, "function"],
  [/^tools\[\d+\]\.type$/, "function"],
];

const EMPTY_LISTS = /^(tools|messages\[\d+\]\.(tool_calls|content))$/;

/** How chat-completions bodies may differ and mean the same. Tool arguments are compared as the texts they are. */
export const chatNormalisation: Normalisation = {
  rules: {
    null: "null is absent: the API reference types optional fields as nullable",
    "one text": "a list of one text part is its text: `content` takes either",
    "empty list": "an empty list of tools, tool calls or assistant content is none: there is nothing in it",
    default: "a field with the value the API reference gives as its default says nothing (DEFAULTS)",
    "image url":
      "an image_url that is a text is short for {url}: Mistral's reference takes either, and OpenAI answered it with 200",
  },
  opaque: /^(tools\[\d+\]\.(function\.)?parameters|response_format\.json_schema\.schema)$/,
  absence: (value, path) => {
    if (value === null) return "null";
    if (Array.isArray(value) && value.length === 0 && EMPTY_LISTS.test(path)) return "empty list";
    return DEFAULTS.some(([place, byDefault]) => place.test(path) && value === byDefault) ? "default" : undefined;
  },
  rewrite: (value, path) => {
    if (typeof value === "string")
      return path.endsWith(".image_url") ? { rule: "image url", value: { url: value } } : undefined;
    const text = path.endsWith(".content") ? onlyText(value) : undefined;
    return text === undefined ? undefined : { rule: "one text", value: text };
  },
};

function onlyText(value: JsonValue): JsonValue | undefined {
  if (!Array.isArray(value) || value.length !== 1) return undefined;
  const [only] = value as readonly JsonValue[];
  return isObject(only) && only.type === "text" && Object.keys(only).length === 2 ? only.text : undefined;
}

/**
 * Recorded clients keep an empty text that the provider sent beside tool calls, or make one, and parse and write arguments again, so that their
 * spaces change: in that turn empty content is absent, and arguments are JSON values.
 */
export function normaliseTurn(body: JsonObject, turn: number): JsonObject {
  if (!Array.isArray(body.messages)) return body;
  let assistants = -1;
  const messages = body.messages.map((message) => {
    if (!isObject(message) || message.role !== "assistant") return message;
    assistants += 1;
    if (assistants !== turn || !Array.isArray(message.tool_calls)) return message;
    return { ...withoutEmptyContent(message), tool_calls: message.tool_calls.map(parsedArguments) };
  });
  return { ...body, messages };
}

function withoutEmptyContent({ content, ...rest }: JsonObject): JsonObject {
  return content === "" || content === undefined ? rest : { ...rest, content };
}

function parsedArguments(call: JsonValue): JsonValue {
  if (!(isObject(call) && isObject(call.function))) return call;
  const { function: called } = call;
  return { ...call, function: { ...called, arguments: JSON.parse(String(called.arguments)) as JsonValue } };
}
