import { type Message, MessageRole, type Part, type ToolResultPart } from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, rawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import { wireId } from "./call-ids.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { blob } from "./request-parts.ts";
import type { WireBlob, WireFunctionResponse, WirePart } from "./request-wire.ts";

/** Names of the functions that were called, by the ids of their calls: the wire wants the name beside a result. */
export type CallNames = ReadonlyMap<string, string>;

/** The calls of a conversation. */
export function callNames(messages: readonly Message[]): CallNames {
  const calls = messages
    .filter(({ role }) => role === MessageRole.ASSISTANT)
    .flatMap(({ parts }) => parts.map(({ kind }) => (kind.case === "toolCall" ? kind.value : undefined)));
  return new Map(calls.flatMap((call) => (call === undefined ? [] : [[call.id, call.name] as const])));
}

/**
 * Builds the result of a function. A text that is a JSON object is the response as it is; any other is its `output`, several are a list, and
 * of a function that failed it is the `error`: words the reference of `FunctionResponse.response` gives. Throws INVALID_FIELD if neither the
 * result nor the conversation names the function.
 */
export function resultPart(result: ToolResultPart, names: CallNames, path: string, context: BuildContext): WirePart {
  const name = result.name || names.get(result.toolCallId);
  if (name === undefined) throw invalidField(`${path}.name`, "is needed: no call of the conversation has this id");
  const id = wireId(result.toolCallId);
  const media = result.parts.flatMap((part, index) => mediaOf(part, `${path}.parts[${index}]`, context));
  return {
    functionResponse: {
      ...(id !== undefined && { id }),
      name,
      response: responseOf(result),
      ...(media.length > 0 && { parts: media.map((inlineData) => ({ inlineData })) }),
    },
  };
}

function responseOf({ parts, isError }: ToolResultPart): WireFunctionResponse["response"] {
  const texts = parts.flatMap(({ kind }) => (kind.case === "text" ? [kind.value.text] : []));
  const values = texts.map((text) => (isJsonObjectText(text) ? rawJson(text) : text));
  const [only] = values;
  const value = values.length === 1 ? only : values;
  if (isError) return { error: value };
  if (typeof only === "object" && values.length === 1) return only;
  return values.length === 0 ? {} : { output: value };
}

function mediaOf({ kind }: Part, path: string, { quirks }: BuildContext): readonly WireBlob[] {
  if (kind.case === "text") return [];
  const isMedia = kind.case === "image" || kind.case === "document";
  if (!(quirks.toolResultMedia && isMedia) || kind.value.source.case !== "data") {
    throw cannotCarry(path, `${kind.case ?? "state"} in the result of a function`);
  }
  return [blob(kind.value.source.value, kind.value.mimeType)];
}
