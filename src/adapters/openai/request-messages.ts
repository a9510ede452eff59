import { type Message, MessageRole, type Part } from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { assistantMessage } from "./request-assistant.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { mediaContent, withCacheHint } from "./request-parts.ts";
import { compact, ignoreState, participant, textContent } from "./request-text.ts";
import type {
  InstructionMessage,
  TextContent,
  ToolMessage,
  UserContent,
  UserMessage,
  WireMessage,
} from "./request-wire.ts";

/**
 * Builds the messages in their order. A tool message with several results becomes one message a result, as the wire wants it. Throws INVALID_FIELD
 * if none are left.
 */
export function buildMessages(messages: readonly Message[], context: BuildContext): WireMessage[] {
  const built = messages.flatMap((message, index): WireMessage[] => {
    const path = `messages[${index}]`;
    switch (message.role) {
      case MessageRole.ASSISTANT:
        return [assistantMessage(message, path, context)];
      case MessageRole.TOOL:
        return toolMessages(message, path, context);
      case MessageRole.USER:
        return [userMessage(message, path, context)];
      default:
        return [instructionMessage(message, path, context)];
    }
  });
  if (built.length === 0)
    throw invalidField("messages", "need one that is sent; a tool message without results is none");
  return built;
}

function instructionMessage(message: Message, path: string, context: BuildContext): InstructionMessage {
  const { instructionRole } = context.quirks;
  const given = message.role === MessageRole.DEVELOPER ? "developer" : "system";
  const contents = message.parts.map((part, index) => {
    const field = `${path}.parts[${index}]`;
    ignoreState(part, field, context);
    return textContent(part, field, context);
  });
  return {
    role: instructionRole === "as_given" ? given : instructionRole,
    content: compact<TextContent>(contents),
    ...participant(message, path, context),
  };
}

function userMessage(message: Message, path: string, context: BuildContext): UserMessage {
  const contents = message.parts.map((part, index) => userContent(part, `${path}.parts[${index}]`, context));
  return { role: "user", content: compact<UserContent>(contents), ...participant(message, path, context) };
}

function userContent(part: Part, path: string, context: BuildContext): UserContent {
  ignoreState(part, path, context);
  return part.kind.case === "text" ? textContent(part, path, context) : mediaContent(part, path, context);
}

function toolMessages(message: Message, path: string, context: BuildContext): ToolMessage[] {
  return message.parts.map((part, index) => {
    const field = `${path}.parts[${index}]`;
    if (part.kind.case !== "toolResult") {
      throw invalidField(
        `${field}.${part.kind.case ?? "provider_state"}`,
        "has no place in a tool message; use tool_result",
      );
    }
    ignoreState(part, field, context);
    const { toolCallId, parts, isError } = part.kind.value;
    if (isError) context.ignored(`${field}.tool_result.is_error`, "this wire only has the result's text to say so");
    const contents = parts.map((inner, number) =>
      resultContent(inner, `${field}.tool_result.parts[${number}]`, context),
    );
    const last = contents.at(-1);
    if (last !== undefined && part.cacheHint !== undefined) {
      contents[contents.length - 1] = withCacheHint(last, part.cacheHint, field, context);
    }
    return { role: "tool", tool_call_id: toolCallId, content: compact<UserContent>(contents) };
  });
}

function resultContent(part: Part, path: string, context: BuildContext): UserContent {
  if (part.kind.case === "text" || context.quirks.toolResultMedia) return userContent(part, path, context);
  throw cannotCarry(context, path, `${part.kind.case ?? "state"} in the result of a tool`);
}
