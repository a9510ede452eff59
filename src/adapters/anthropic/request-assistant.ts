import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import {
  Executor,
  type Message,
  type Part,
  type TextPart,
  type ToolCallPart,
} from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, joinMembers, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { OWNER } from "./blocks.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { cacheField, type OwnState, ownState } from "./request-state.ts";
import type { TextBlock, WireBlock } from "./request-wire.ts";

/**
 * Builds the blocks of an assistant turn, in their order. What the provider wrote as a block of its own goes back as that; thinking goes back
 * with its signature. Thinking without one, and calls and results of tools another provider ran, are left out with a warning. Throws
 * CAPABILITY_MISSING for content the wire has no place for.
 */
export function assistantBlocks(message: Message, path: string, context: BuildContext): WireBlock[] {
  if (message.prefix && !context.quirks.prefill) {
    throw cannotCarry(`${path}.prefix`, "message to continue", Capability.ASSISTANT_PREFIX);
  }
  return message.parts.flatMap((part, index) => assistantPart(part, `${path}.parts[${index}]`, context));
}

function assistantPart(part: Part, path: string, context: BuildContext): WireBlock[] {
  const state = ownState(part, path, context);
  if (state.block !== undefined) return [state.block];
  const { kind } = part;
  switch (kind.case) {
    case "text":
      return textWithCitations(kind.value, part, path, context);
    case "refusal":
      if (kind.value.text === "") {
        context.ignored(`${path}.refusal`, `${OWNER} takes no empty text`);
        return [];
      }
      context.changed(`${path}.refusal`, `${OWNER} knows no refusals; its words went as text`);
      return [{ type: "text", text: kind.value.text, ...cacheField(part.cacheHint) }];
    case "toolCall":
      return toolUse(kind.value, part, path, context);
    case "toolResult":
      context.ignored(`${path}.tool_result`, "a result of a tool another provider ran does not go back on this wire");
      return [];
    case "reasoning":
    case undefined:
      return thinking(kind.value?.text, state, part, path, context);
    default:
      throw cannotCarry(`${path}.${kind.case}`, `${kind.case} in an assistant message`);
  }
}

function thinking(
  text: string | undefined,
  { signature, redactedThinking }: OwnState,
  { cacheHint }: Part,
  path: string,
  { ignored }: BuildContext,
): WireBlock[] {
  if (cacheHint !== undefined) ignored(`${path}.cache_hint`, "thinking carries no cache hints here");
  if (redactedThinking !== undefined) return [{ type: "redacted_thinking", data: redactedThinking }];
  // Thinking whose text is not shown comes without a kind, and goes back as it came.
  if (signature !== undefined) return [{ type: "thinking", thinking: text ?? "", signature }];
  if (text !== undefined) ignored(`${path}.reasoning`, `only thinking that ${OWNER} signed goes back`);
  return [];
}

function textWithCitations(
  { text, citations }: TextPart,
  part: Part,
  path: string,
  context: BuildContext,
): TextBlock[] {
  if (text === "") {
    context.ignored(`${path}.text`, `${OWNER} takes no empty text`);
    return [];
  }
  const own = citations.flatMap(({ rawJson: written }) => citationOf(written) ?? []);
  if (own.length < citations.length) context.ignored(`${path}.text.citations`, "they are not all of this wire");
  return [{ type: "text", text, ...(own.length > 0 && { citations: own }), ...cacheField(part.cacheHint) }];
}

/** A citation as the request takes it, which is as the answer wrote it but for the id of the file, which the request has itself. */
function citationOf(written: string): RawJson | undefined {
  if (!isJsonObjectText(written)) return undefined;
  const members = new Map(jsonMembers(written));
  if (!/^"\w+_location"$/.test(members.get("type") ?? "")) return undefined;
  members.delete("file_id");
  return rawJson(joinMembers(members));
}

function toolUse(call: ToolCallPart, part: Part, path: string, context: BuildContext): WireBlock[] {
  if (call.executor === Executor.PROVIDER) {
    context.ignored(`${path}.tool_call`, "a call another provider ran itself does not go back on this wire");
    return [];
  }
  if (call.freeForm)
    throw cannotCarry(`${path}.tool_call.free_form`, "calls with free text", Capability.FREE_FORM_TOOLS);
  const { id, name } = call;
  return [{ type: "tool_use", id, name, input: toolInput(call, path, context), ...cacheField(part.cacheHint) }];
}

/**
 * The arguments as a JSON object. What the model wrote as anything else, because it was cut off or its arguments were streamed unchecked, goes
 * back in the wrapping that Anthropic's guide to fine-grained tool streaming names for it.
 */
function toolInput({ argumentsJson }: ToolCallPart, path: string, { changed }: BuildContext): RawJson {
  if (argumentsJson === "") return rawJson("{}");
  if (isJsonObjectText(argumentsJson)) return rawJson(argumentsJson);
  changed(`${path}.tool_call.arguments_json`, "it is no JSON object, so it was sent as the text INVALID_JSON of one");
  return rawJson(JSON.stringify({ INVALID_JSON: argumentsJson }));
}
