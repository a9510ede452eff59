import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../emulators/exchange.ts";
import { isObject, type JsonObject } from "./recorded-requests.ts";

/** The ways in which two bodies may differ and mean the same, each with its reason. */
export const RULES = {
  null: "null is absent: the API reference types optional fields as nullable",
  "one text": "a list of one text part is its text: `content` takes either",
  "empty list": "an empty list of tools, tool calls or assistant content is none: there is nothing in it",
  default: "a field with the value the API reference gives as its default says nothing (DEFAULTS)",
  "image url":
    "an image_url that is a text is short for {url}: Mistral's reference takes either, and OpenAI answered it with 200",
} as const;

/** Name of a rule. */
export type Rule = keyof typeof RULES;

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

/** Schemas and arguments are the caller's own: nothing in them is normalised. */
const OPAQUE = /^(tools\[\d+\]\.(function\.)?parameters|response_format\.json_schema\.schema)$/;

/** Brings a body into the form in which bodies that mean the same are equal. `used` is told of every rule that changed something. */
export function normaliseBody(body: JsonObject, used: (rule: Rule) => void): JsonObject {
  return normaliseObject(body, "", used);
}

function normaliseObject(value: JsonObject, path: string, used: (rule: Rule) => void): JsonObject {
  const members = Object.entries(value).flatMap(([key, member]): [string, JsonValue][] => {
    const place = path === "" ? key : `${path}.${key}`;
    if (OPAQUE.test(place)) return [[key, member]];
    const rule = absence(member, place);
    if (rule !== undefined) {
      used(rule);
      return [];
    }
    return [[key, normaliseValue(member, place, used)]];
  });
  return Object.fromEntries(members);
}

function absence(value: JsonValue, path: string): Rule | undefined {
  if (value === null) return "null";
  if (Array.isArray(value) && value.length === 0 && EMPTY_LISTS.test(path)) return "empty list";
  return DEFAULTS.some(([place, byDefault]) => place.test(path) && value === byDefault) ? "default" : undefined;
}

function normaliseValue(value: JsonValue, path: string, used: (rule: Rule) => void): JsonValue {
  if (typeof value === "string" && path.endsWith(".image_url")) {
    used("image url");
    return { url: value };
  }
  if (isObject(value)) return normaliseObject(value, path, used);
  if (!Array.isArray(value)) return value;
  const elements = value.map((element, index) => normaliseValue(element, `${path}[${index}]`, used));
  const [only] = elements;
  if (!path.endsWith(".content") || elements.length !== 1 || !isObject(only)) return elements;
  if (only.type !== "text" || Object.keys(only).length !== 2) return elements;
  used("one text");
  return only.text ?? elements;
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

/**
 * For a turn that a recorded client wrote out again: empty content beside tool calls is absent, and tool arguments are JSON values. `position`
 * is the turn's place among the messages.
 */
export function normaliseTurn(body: JsonObject, position: number): JsonObject {
  if (!Array.isArray(body.messages)) return body;
  const messages = body.messages.map((message, index) =>
    index === position && isObject(message) && Array.isArray(message.tool_calls)
      ? { ...withoutEmptyContent(message), tool_calls: message.tool_calls.map(parsedArguments) }
      : message,
  );
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
