import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { Normalisation } from "../shared/normalise.ts";

/** Fields of a generationConfig with the value that is their default by the API reference. */
const DEFAULTS: Readonly<Record<string, JsonValue>> = { candidateCount: 1 };

/** Names of the wire that recorded clients wrote in snake case. */
const CAMEL_CASE: Readonly<Record<string, string>> = {
  code_execution: "codeExecution",
  function_call: "functionCall",
  function_response: "functionResponse",
  google_search: "googleSearch",
  include_thoughts: "includeThoughts",
  inline_data: "inlineData",
  mime_type: "mimeType",
  parameters_json_schema: "parametersJsonSchema",
  response_mime_type: "responseMimeType",
  response_schema: "responseSchema",
  thinking_level: "thinkingLevel",
  tool_type: "toolType",
};

const OPENAPI_TYPE = /(\.parameters|\.response_?[sS]chema)(\..*)?\.type$/;

/** How bodies of generateContent may differ and mean the same. Arguments, answers and JSON Schemas are compared as they are. */
export const geminiNormalisation: Normalisation = {
  rules: {
    "snake case": "a name in snake case is the same field: the JSON form of protobuf takes either",
    null: "null is absent: the JSON form of protobuf",
    "empty object": "a generationConfig without anything but defaults says nothing",
    default: "a field with the value the API reference gives as its default says nothing (DEFAULTS)",
    "instruction role": "the role of systemInstruction says nothing: the reference knows instructions as text only",
    "enum case":
      "words of enums count in either case: `low` and `LOW`, `object` and `OBJECT` were each answered with 200",
    "plain base64": "bytes are the same in base64 and base64url: the JSON form of protobuf takes either",
  },
  opaque: /\.(args|response|mcpServers|parameters_?[jJ]son_?[sS]chema|response_?[jJ]son_?[sS]chema)$/,
  absence: (value, path) => {
    if (value === null) return "null";
    if (path === "generationConfig" && isObject(value) && Object.entries(value).every(isDefault)) return "empty object";
    if (path === "systemInstruction.role") return "instruction role";
    const [, name = ""] = /^generationConfig\.(\w+)$/.exec(path) ?? [];
    return isDefault([name, value]) ? "default" : undefined;
  },
  rewrite: (value, path) => {
    if (isObject(value))
      return Object.keys(value).some(isSnake) ? { rule: "snake case", value: renamed(value) } : undefined;
    if (typeof value !== "string") return undefined;
    const isEnum = /\.thinking_?[lL]evel$/.test(path) || OPENAPI_TYPE.test(path);
    if (isEnum && value !== value.toUpperCase()) return { rule: "enum case", value: value.toUpperCase() };
    if (/\.(thoughtSignature|data)$/.test(path) && /[-_]/.test(value)) {
      return { rule: "plain base64", value: value.replaceAll("-", "+").replaceAll("_", "/") };
    }
    return undefined;
  },
};

const isDefault = ([name, value]: readonly [string, JsonValue]): boolean =>
  Object.hasOwn(DEFAULTS, name) && DEFAULTS[name] === value;

const isSnake = (key: string): boolean => Object.hasOwn(CAMEL_CASE, key);

function renamed(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [isSnake(key) ? (CAMEL_CASE[key] ?? key) : key, member]),
  );
}

/**
 * Recorded clients leave out thoughts and empty texts without a signature, and join the texts of a stream: in that turn the former are absent, and
 * neighbouring texts without a signature are one.
 */
export function normaliseTurn(body: JsonObject, turn: number): JsonObject {
  if (!Array.isArray(body.contents)) return body;
  let turns = -1;
  const contents = body.contents.map((content) => {
    if (!isObject(content) || content.role !== "model") return content;
    turns += 1;
    return turns === turn && Array.isArray(content.parts) ? { ...content, parts: joined(content.parts) } : content;
  });
  return { ...body, contents };
}

function joined(parts: readonly JsonValue[]): JsonValue[] {
  const result: JsonValue[] = [];
  for (const part of parts) {
    if (!isObject(part) || typeof part.text !== "string" || part.thoughtSignature !== undefined) {
      result.push(part);
      continue;
    }
    if (part.text === "" || part.thought === true) continue;
    const last = result.at(-1);
    const before = isObject(last) && last.thoughtSignature === undefined ? last.text : undefined;
    if (typeof before === "string") result[result.length - 1] = { text: before + part.text };
    else result.push(part);
  }
  return result;
}
