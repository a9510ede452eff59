import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { Executor, type Message, type Part, type ToolCallPart } from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, isJsonText, jsonElements, type RawJson, rawJson } from "../../json-text.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { compact, participant, textContent } from "./request-text.ts";
import type { AssistantContent, AssistantMessage } from "./request-wire.ts";

/** What an assistant message is put together from, part by part. */
interface Draft {
  readonly contents: AssistantContent[];
  readonly toolCalls: NonNullable<AssistantMessage["tool_calls"]>;
  readonly reasoning: string[];
  readonly refusals: string[];
  readonly details: RawJson[];
  readonly annotations: RawJson[];
  extraContent?: RawJson;
  audio?: { id: string };
}

/**
 * Builds an assistant turn: text and thinking as content, calls, reasoning where the server takes it back, and the state of its own vendor.
 * Warns of what does not go back on this wire; throws CAPABILITY_MISSING for content it has no place for.
 */
export function assistantMessage(message: Message, path: string, context: BuildContext): AssistantMessage {
  const draft: Draft = { contents: [], toolCalls: [], reasoning: [], refusals: [], details: [], annotations: [] };
  for (const [index, part] of message.parts.entries())
    addAssistantPart(draft, part, `${path}.parts[${index}]`, context);
  const { contents, toolCalls, refusals, details, annotations, extraContent, audio } = draft;
  const isBare = toolCalls.length === 0 && refusals.length === 0 && audio === undefined;
  return {
    role: "assistant",
    ...((contents.length > 0 || isBare) && { content: compact<AssistantContent>(contents) }),
    ...reasoningFields(draft, context),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(refusals.length > 0 && { refusal: refusals.join("") }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    ...(annotations.length > 0 && { annotations }),
    ...(extraContent !== undefined && { extra_content: extraContent }),
    ...(audio !== undefined && { audio }),
    ...prefixMark(message, path, context),
    ...participant(message, path, context),
  };
}

function addAssistantPart(draft: Draft, part: Part, path: string, context: BuildContext): void {
  const { kind } = part;
  const extra = addState(draft, part, path, context);
  if (part.cacheHint !== undefined && kind.case !== "text") {
    context.ignored(`${path}.cache_hint`, "only text, images and documents carry cache hints here");
  }
  switch (kind.case) {
    case "text":
      draft.contents.push(textContent(part, path, context));
      addCitations(draft, part, path, context);
      break;
    case "reasoning":
      addReasoning(draft, kind.value.text, path, context);
      break;
    case "refusal":
      addRefusal(draft, kind.value.text, path, context);
      break;
    case "toolCall":
      if (kind.value.executor === Executor.PROVIDER) {
        context.ignored(`${path}.tool_call`, "a call the provider ran itself does not go back on this wire");
      } else {
        draft.toolCalls.push({
          ...toolCall(kind.value, path, context),
          ...(extra !== undefined && { extra_content: extra }),
        });
      }
      return;
    case "toolResult":
      context.ignored(`${path}.tool_result`, "a result of a tool the provider ran does not go back on this wire");
      break;
    case "audio":
      if (kind.value.source.case !== "providerId") throw cannotCarry(context, `${path}.audio`, "sound but by its id");
      draft.audio = { id: kind.value.source.value };
      break;
    case undefined:
      break;
    default:
      throw cannotCarry(context, `${path}.${kind.case}`, `${kind.case} in an assistant message`);
  }
  if (extra !== undefined) draft.extraContent = extra;
}

function addReasoning(draft: Draft, text: string, path: string, { quirks, ignored }: BuildContext): void {
  if (quirks.reasoningFields.includes("thinking_parts")) {
    draft.contents.push({ type: "thinking", thinking: [{ type: "text", text }] });
  } else if (quirks.reasoningFields.length > 0) {
    draft.reasoning.push(text);
  } else {
    ignored(`${path}.reasoning`, `${quirks.vendor} takes no reasoning of earlier turns`);
  }
}

function reasoningFields({ reasoning, details }: Draft, { quirks }: BuildContext): Partial<AssistantMessage> {
  // The details hold the text already, and the provider prefers them.
  if (reasoning.length === 0 || details.length > 0) return {};
  return Object.fromEntries(quirks.reasoningFields.map((field) => [field, reasoning.join("")]));
}

function addRefusal(draft: Draft, text: string, path: string, { quirks, ignored }: BuildContext): void {
  if (quirks.refusalField) {
    draft.refusals.push(text);
    return;
  }
  draft.contents.push({ type: "text", text });
  ignored(`${path}.refusal`, `${quirks.vendor} knows no refusals; its words went as text`);
}

function addCitations(draft: Draft, part: Part, path: string, { quirks, ignored }: BuildContext): void {
  if (part.kind.case !== "text" || part.kind.value.citations.length === 0) return;
  const texts = part.kind.value.citations.map(({ rawJson: text }) => text).filter(isJsonObjectText);
  if (quirks.annotationsField) draft.annotations.push(...texts.map(rawJson));
  else ignored(`${path}.text.citations`, `${quirks.vendor} takes no citations back`);
}

function toolCall(call: ToolCallPart, path: string, context: BuildContext) {
  const { id, name, argumentsJson, freeForm } = call;
  if (!freeForm) return { id, type: "function" as const, function: { name, arguments: argumentsJson || "{}" } };
  if (!context.quirks.freeFormTools) {
    throw cannotCarry(context, `${path}.tool_call.free_form`, "calls with free text", Capability.FREE_FORM_TOOLS);
  }
  return { id, type: "custom" as const, custom: { name, input: argumentsJson } };
}

function prefixMark({ prefix }: Message, path: string, context: BuildContext): { prefix?: true; partial?: true } {
  if (!prefix) return {};
  const { prefixField } = context.quirks;
  if (prefixField === "none") {
    throw cannotCarry(context, `${path}.prefix`, "message to continue", Capability.ASSISTANT_PREFIX);
  }
  return prefixField === "implicit" ? {} : { [prefixField]: true };
}

/**
 * Puts a part's state where its kind belongs: `reasoning_details` (a JSON array) and `extra_content` (a JSON object, returned here for the
 * call or message it is part of). State of another vendor, or of a kind this wire does not know, is left out with a warning.
 */
function addState(draft: Draft, part: Part, path: string, context: BuildContext): RawJson | undefined {
  let extra: RawJson | undefined;
  for (const [index, { owner, kind, data }] of part.providerState.entries()) {
    const field = `${path}.provider_state[${index}]`;
    const text = new TextDecoder().decode(data);
    if (owner !== context.quirks.vendor) {
      context.ignored(field, `it is ${owner}'s, and ${context.quirks.vendor} serves this request`);
    } else if (kind === "reasoning_details" && isJsonText(text) && text.trimStart().startsWith("[")) {
      draft.details.push(...jsonElements(text).map(rawJson));
    } else if (kind === "extra_content" && isJsonObjectText(text)) {
      extra = rawJson(text);
    } else {
      context.ignored(field, `${owner} knows no state "${kind}" on this wire`);
    }
  }
  return extra;
}
