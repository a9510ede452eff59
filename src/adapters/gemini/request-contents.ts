import { type Message, MessageRole, type Part } from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { assistantContent } from "./request-assistant.ts";
import { type BuildContext, cannotCarry, ignoreCacheHint, VENDOR } from "./request-notes.ts";
import { contentPart } from "./request-parts.ts";
import { type CallNames, callNames, resultPart } from "./request-results.ts";
import type { WireBody, WireContent, WirePart } from "./request-wire.ts";

/**
 * Builds `systemInstruction` from the instructions that the conversation begins with, one text a part, and a content from every other message.
 * The wire has one place for instructions, so those that come later are CAPABILITY_MISSING. Throws INVALID_FIELD if nothing but instructions is
 * left.
 */
export function buildContents(
  messages: readonly Message[],
  context: BuildContext,
): Pick<WireBody, "contents" | "systemInstruction"> {
  const first = messages.findIndex(({ role }) => !isInstruction(role));
  if (first < 0) throw invalidField("messages", "need a message that is no instruction");
  const instructions = messages.slice(0, first).flatMap((message, index) => instructionTexts(message, index, context));
  const names = callNames(messages);
  return {
    ...(instructions.length > 0 && { systemInstruction: { parts: instructions } }),
    contents: messages.slice(first).map((message, index) => contentOf(message, first + index, names, context)),
  };
}

function isInstruction(role: MessageRole): boolean {
  return role === MessageRole.SYSTEM || role === MessageRole.DEVELOPER;
}

function instructionTexts(message: Message, index: number, context: BuildContext): { text: string }[] {
  const path = `messages[${index}]`;
  ignoreName(message, path, context);
  return message.parts.map((part, number) => {
    const field = `${path}.parts[${number}]`;
    ignoreState(part, field, context);
    ignoreCacheHint(part, field, context);
    if (part.kind.case !== "text") {
      throw invalidField(`${field}.${part.kind.case ?? "provider_state"}`, "has no place in instructions; use text");
    }
    const { text = "" } = contentPart(part, field, context);
    return { text };
  });
}

function contentOf(message: Message, index: number, names: CallNames, context: BuildContext): WireContent {
  const path = `messages[${index}]`;
  ignoreName(message, path, context);
  if (message.role === MessageRole.ASSISTANT) return assistantContent(message, path, context);
  if (isInstruction(message.role)) throw cannotCarry(path, "instructions after the beginning");
  const parts = message.parts.map((part, number) =>
    userPart(message, part, `${path}.parts[${number}]`, names, context),
  );
  return { role: "user", parts };
}

/** Results may stand beside other content, because both are the user's turn here; a tool message has results alone. */
function userPart({ role }: Message, part: Part, path: string, names: CallNames, context: BuildContext): WirePart {
  ignoreState(part, path, context);
  ignoreCacheHint(part, path, context);
  if (part.kind.case === "toolResult") return resultPart(part.kind.value, names, `${path}.tool_result`, context);
  if (role === MessageRole.TOOL) {
    throw invalidField(
      `${path}.${part.kind.case ?? "provider_state"}`,
      "has no place in a tool message; use tool_result",
    );
  }
  return contentPart(part, path, context);
}

function ignoreName({ name }: Message, path: string, context: BuildContext): void {
  if (name !== "") context.ignored(`${path}.name`, `${VENDOR} knows no names of participants`);
}

function ignoreState({ providerState }: Part, path: string, context: BuildContext): void {
  for (const [index] of providerState.entries()) {
    context.ignored(`${path}.provider_state[${index}]`, "state goes back in assistant messages only");
  }
}
