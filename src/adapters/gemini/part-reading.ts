import { asObject, asText, asWord, type JsonObject } from "../json.ts";
import type { RawParts } from "./wire-json.ts";

/** What a part of an answer is. */
export type PartContent =
  | { readonly kind: "text" | "reasoning"; readonly text: string }
  | { readonly kind: "image"; readonly mimeType: string; readonly base64: string }
  | { readonly kind: "audio"; readonly mimeType: string; readonly base64: string }
  /** A function to call, whole or a piece of it; `argumentsJson` is its `args` as they were written, empty if there are none. */
  | { readonly kind: "function"; readonly called: JsonObject; readonly argumentsJson: string }
  /** A tool that the provider ran itself, and what it answered. */
  | { readonly kind: "provider_call"; readonly name: string; readonly id: string; readonly argumentsJson: string }
  | {
      readonly kind: "provider_result";
      readonly name: string;
      readonly id: string;
      readonly text: string;
      readonly isError: boolean;
    }
  | { readonly kind: "other" };

/** A part as it was read. */
export interface ReadPart {
  readonly content: PartContent;
  /** Its thought signature; empty if it has none. */
  readonly signature: string;
  /** True if its content and signature are all that is in it, so that it can be built from them again. */
  readonly isExact: boolean;
}

/** The name under which code that Gemini wrote and ran is called. */
const CODE = "code_execution";

/** Reads the part at an index (ai.google.dev/api/caching#Part, and `Part` of googleapis/js-genai for what only Vertex AI sends). */
export function readPart(part: JsonObject, index: number, raw: RawParts): ReadPart {
  const { content, isExact } = contentOf(part, index, raw);
  return { content, isExact, signature: asText(part.thoughtSignature) };
}

type Reading = Omit<ReadPart, "signature">;

function contentOf(part: JsonObject, index: number, raw: RawParts): Reading {
  const called = asObject(part.functionCall);
  if (called !== undefined) {
    const isExact =
      hasOnly(part, "functionCall") && hasOnly(called, "id", "name", "args", "partialArgs", "willContinue");
    return { content: { kind: "function", called, argumentsJson: raw.member(index, "functionCall", "args") }, isExact };
  }
  const blob = asObject(part.inlineData);
  if (blob !== undefined) return blobContent(part, blob);
  const ran = providerContent(part, index, raw);
  if (ran !== undefined) return { content: ran, isExact: false };
  if (typeof part.text !== "string" && !hasOnly(part)) return { content: { kind: "other" }, isExact: false };
  const kind = part.thought === true ? "reasoning" : "text";
  return { content: { kind, text: asText(part.text) }, isExact: hasOnly(part, "text", "thought") };
}

function blobContent(part: JsonObject, blob: JsonObject): Reading {
  const mimeType = asWord(blob.mimeType);
  const [kind] = mimeType.split("/", 1);
  // A picture among the thoughts is none of the answer.
  if ((kind !== "image" && kind !== "audio") || part.thought === true)
    return { content: { kind: "other" }, isExact: false };
  const isExact = hasOnly(part, "inlineData") && hasOnly(blob, "mimeType", "data");
  return { content: { kind, mimeType, base64: asText(blob.data) }, isExact };
}

/** Calls of tools that the provider runs, and their results: code, built-in tools, and functions of an MCP server that it called itself. */
function providerContent(part: JsonObject, index: number, raw: RawParts): PartContent | undefined {
  const code = asObject(part.executableCode);
  if (code !== undefined) {
    const argumentsJson = raw.member(index, "executableCode");
    return { kind: "provider_call", name: CODE, id: asWord(code.id), argumentsJson };
  }
  const ran = asObject(part.codeExecutionResult);
  if (ran !== undefined) {
    const isError = ran.outcome !== "OUTCOME_OK" && ran.outcome !== 1;
    return { kind: "provider_result", name: CODE, id: asWord(ran.id), text: asText(ran.output), isError };
  }
  const tool = asObject(part.toolCall);
  if (tool !== undefined) {
    const argumentsJson = raw.member(index, "toolCall", "args");
    return { kind: "provider_call", name: asWord(tool.toolType) || "tool", id: asWord(tool.id), argumentsJson };
  }
  for (const [key, name] of RESPONSES) {
    const answer = asObject(part[key]);
    if (answer === undefined) continue;
    const text = raw.member(index, key, "response");
    return { kind: "provider_result", name: asWord(answer[name]), id: asWord(answer.id), text, isError: false };
  }
  return undefined;
}

const RESPONSES = [
  ["toolResponse", "toolType"],
  ["functionResponse", "name"],
] as const;

/** True if an object has no members but these and a signature. */
function hasOnly(object: JsonObject, ...names: readonly string[]): boolean {
  return Object.keys(object).every((name) => name === "thoughtSignature" || names.includes(name));
}
