import { create } from "@bufbuild/protobuf";
import {
  type Citation,
  CitationSchema,
  type Message,
  MessageRole,
  MessageSchema,
} from "../../gen/execution/v1/content_pb.js";
import { joinMembers } from "../../json-text.ts";
import {
  asBoolean,
  asCount,
  asList,
  asName,
  asObject,
  asText,
  asWord,
  type Field,
  type ObjectFields,
  refuse,
} from "../edge/fields.ts";
import { type PartInit, stateOf } from "../edge/parts.ts";
import { ASSISTANT_PARTS, readContent, TEXT_PARTS, USER_PARTS } from "./parts.ts";

const ROLES = {
  system: MessageRole.SYSTEM,
  developer: MessageRole.DEVELOPER,
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  tool: MessageRole.TOOL,
};

/** Reads `messages`. Each becomes one message of the contract, in the same order. */
export function readMessages(field: Field): Message[] {
  const messages = asList(field).map(readMessage);
  return messages.length === 0 ? refuse(field.path, "must hold at least one message") : messages;
}

function readMessage(field: Field): Message {
  const message = asObject(field);
  const role = asWord(message.need("role"), ROLES);
  const name = message.take("name");
  const parts = readParts(role, message, name);
  const prefix = role === MessageRole.ASSISTANT && readPrefix(message);
  if (message.take("function_call") !== undefined) {
    refuse(`${message.path}.function_call`, "is the old form of tool calls; use tool_calls");
  }
  dropEmptyList(message, "tool_calls");
  message.close();
  return create(MessageSchema, {
    role,
    parts,
    prefix,
    ...(name !== undefined && role !== MessageRole.TOOL && { name: asText(name) }),
  });
}

function readParts(role: MessageRole, message: ObjectFields, name: Field | undefined): PartInit[] {
  if (role === MessageRole.ASSISTANT) return assistantParts(message);
  const content = message.need("content");
  if (role === MessageRole.USER) return readContent(content, USER_PARTS);
  if (role !== MessageRole.TOOL) return readContent(content, TEXT_PARTS);
  const toolCallId = asName(message.need("tool_call_id"));
  const parts = readContent(content, USER_PARTS);
  const value = { toolCallId, parts, ...(name !== undefined && { name: asText(name) }) };
  return [{ kind: { case: "toolResult", value } }];
}

/** An empty list means the same as none; clients write it into messages of every role. */
function dropEmptyList(message: ObjectFields, key: string): void {
  const field = message.take(key);
  if (field !== undefined && asList(field).length > 0) refuse(field.path, "belongs in assistant messages");
}

function readPrefix(message: ObjectFields): boolean {
  const marks = [message.take("prefix"), message.take("partial")];
  return marks.some((mark) => mark !== undefined && asBoolean(mark));
}

function assistantParts(message: ObjectFields): PartInit[] {
  const reasoning = reasoningParts(message);
  const contents = readContent(message.take("content"), ASSISTANT_PARTS);
  addCitations(contents, message.take("annotations"));
  const refusal = message.take("refusal");
  const audio = message.take("audio");
  const calls = message.take("tool_calls");
  const extra = message.take("extra_content");
  return [
    ...reasoning,
    ...contents,
    ...(refusal === undefined ? [] : [refusalPart(refusal)]),
    ...(audio === undefined ? [] : [audioPart(audio)]),
    ...(calls === undefined ? [] : asList(calls).map(toolCallPart)),
    ...(extra === undefined ? [] : [{ providerState: [stateOf("gemini", "extra_content", extra.raw())] }]),
  ];
}

/**
 * Reasoning under the names servers give it: `reasoning_content` (DeepSeek and most others), `reasoning` (OpenRouter, Ollama, Cerebras), and
 * OpenRouter's `reasoning_details`, which is state only OpenRouter reads. Clients that write both names write the same text.
 */
function reasoningParts(message: ObjectFields): PartInit[] {
  const content = message.take("reasoning_content");
  const reasoning = message.take("reasoning");
  const details = message.take("reasoning_details");
  const texts = [content, reasoning].flatMap((field) => (field === undefined ? [] : [asText(field)]));
  const [text, other = text] = texts;
  if (text !== other) refuse(`${message.path}.reasoning`, "differs from reasoning_content; send one of them");
  const hasDetails = details !== undefined && asList(details).length > 0;
  const providerState = hasDetails ? [stateOf("openrouter", "reasoning_details", details.raw())] : [];
  if (text === undefined && !hasDetails) return [];
  return [{ ...(text !== undefined && { kind: { case: "reasoning", value: { text } } }), providerState }];
}

function refusalPart(field: Field): PartInit {
  return { kind: { case: "refusal", value: { text: asText(field) } } };
}

function audioPart(field: Field): PartInit {
  const audio = asObject(field);
  const id = asName(audio.need("id"));
  audio.close();
  return { kind: { case: "audio", value: { source: { case: "providerId", value: id } } } };
}

function toolCallPart(field: Field, position: number): PartInit {
  const call = asObject(field);
  const type = call.take("type");
  const isCustom = type !== undefined && asWord(type, { function: "function", custom: "custom" }) === "custom";
  const id = asName(call.need("id"));
  const index = call.take("index");
  // Mistral's clients send it back; it says what the order says, or 0.
  if (index !== undefined && asCount(index, 0) > position) refuse(index.path, "must be the call's place in the list");
  const extra = call.take("extra_content");
  const providerState = extra === undefined ? [] : [stateOf("gemini", "extra_content", extra.raw())];
  const fields = asObject(call.need(isCustom ? "custom" : "function"));
  const name = asName(fields.need("name"));
  const input = fields.need(isCustom ? "input" : "arguments");
  fields.close();
  call.close();
  // Mistral's schema allows an object where everybody else wants its text.
  const argumentsJson = typeof input.value === "object" ? joinMembers(membersOf(input)) : asText(input);
  return { kind: { case: "toolCall", value: { id, name, argumentsJson, freeForm: isCustom } }, providerState };
}

function membersOf(field: Field): [string, string][] {
  return asObject(field)
    .rest()
    .map(([key, member]) => [key, member.raw()]);
}

/** Annotations belong to the message's text; they are kept as they are, and read where their form is OpenAI's. */
function addCitations(contents: PartInit[], field: Field | undefined): void {
  const annotations = field === undefined ? [] : asList(field);
  if (field === undefined || annotations.length === 0) return;
  const text = contents.findLast(({ kind }) => kind?.case === "text");
  if (text?.kind?.case !== "text") return refuse(field.path, "need a text in content that they belong to");
  const { value } = text.kind;
  text.kind = { case: "text", value: { ...value, citations: annotations.map(citationOf) } };
}

function citationOf(field: Field): Citation {
  const { url_citation: cited } = (field.value ?? {}) as { url_citation?: { url?: unknown; title?: unknown } };
  asObject(field);
  return create(CitationSchema, {
    rawJson: field.raw(),
    ...(typeof cited?.url === "string" && { url: cited.url }),
    ...(typeof cited?.title === "string" && { title: cited.title }),
  });
}
