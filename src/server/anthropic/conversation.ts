import { create } from "@bufbuild/protobuf";
import { type Message, MessageRole, MessageSchema } from "../../gen/execution/v1/content_pb.js";
import { asList, asObject, asText, asWord, type Field, refuse } from "../edge/fields.ts";
import { type PartInit, textPart } from "../edge/parts.ts";
import { readAssistantContent } from "./assistant.ts";
import { readInstructions, readToolResult, readUserBlock } from "./content.ts";

const ROLES = { system: MessageRole.SYSTEM, user: MessageRole.USER, assistant: MessageRole.ASSISTANT };

/**
 * Reads `system` and `messages`. `system` is the first message; each other one becomes one, but for a user's turn that begins with results of
 * tools: these are a tool message, and what follows them a user message. A last assistant message that ends in text is to be continued.
 */
export function readConversation(system: Field | undefined, messages: Field): Message[] {
  const list = asList(messages);
  if (list.length === 0) refuse(messages.path, "must hold at least one message");
  // Clients without a system prompt write an empty one.
  const instructions = system === undefined || system.value === "" ? [] : readInstructions(system);
  return [
    ...(instructions.length === 0 ? [] : [messageOf(MessageRole.SYSTEM, instructions)]),
    ...list.flatMap((field, index) => readMessage(field, index === list.length - 1)),
  ];
}

function readMessage(field: Field, isLast: boolean): Message[] {
  const message = asObject(field);
  const role = asWord(message.need("role"), ROLES);
  const content = message.need("content");
  message.close();
  if (role === MessageRole.USER) return readUserTurn(content);
  if (role === MessageRole.SYSTEM) return [messageOf(role, readInstructions(content))];
  const parts = readAssistantContent(content);
  const prefix = isLast && parts.at(-1)?.kind?.case === "text";
  return [messageOf(role, parts, prefix)];
}

function readUserTurn(content: Field): Message[] {
  if (typeof content.value === "string") return [messageOf(MessageRole.USER, [textPart(asText(content))])];
  if (!Array.isArray(content.value)) refuse(content.path, "must be a string or a list of blocks");
  const blocks = asList(content);
  if (blocks.length === 0) refuse(content.path, "must hold at least one block");
  const rest = blocks.findIndex((block) => !isToolResult(block));
  const results = rest === -1 ? blocks : blocks.slice(0, rest);
  const others = blocks.slice(results.length);
  const late = others.find(isToolResult);
  if (late !== undefined) refuse(late.path, "must stand before the other blocks, as all results of tools");
  return [
    ...(results.length === 0 ? [] : [messageOf(MessageRole.TOOL, results.map(readToolResult))]),
    ...(others.length === 0 ? [] : [messageOf(MessageRole.USER, others.map(readUserBlock))]),
  ];
}

const isToolResult = ({ value }: Field): boolean =>
  typeof value === "object" && value !== null && "type" in value && value.type === "tool_result";

const messageOf = (role: MessageRole, parts: PartInit[], prefix = false): Message =>
  create(MessageSchema, { role, parts, prefix });
