import { cannotCarry, createNotes, type Notes } from "../../../../src/adapters/notes.ts";
import { Capability } from "../../../../src/gen/execution/v1/capabilities_pb.js";
import type { ChatRequest, Warning } from "../../../../src/gen/execution/v1/chat_pb.js";
import { type Message, MessageRole } from "../../../../src/gen/execution/v1/content_pb.js";

/** A request as it is sent. */
export interface BuiltRequest {
  /** Below the instance's base URL. */
  readonly path: "/talk";
  readonly body: string;
  /** What was left out, to be told before anything else. */
  readonly warnings: readonly Warning[];
}

/** One line of a conversation as the wire has it. */
interface Line {
  readonly who: "owner" | "guest" | "parrot";
  readonly say: string;
}

/** Who speaks, by role. A parrot knows no tools. */
const SPEAKERS: Partial<Record<MessageRole, Line["who"]>> = {
  [MessageRole.SYSTEM]: "owner",
  [MessageRole.DEVELOPER]: "owner",
  [MessageRole.USER]: "guest",
  [MessageRole.ASSISTANT]: "parrot",
};

/**
 * Builds `{parrot, talk: [{who, say}], longest}`. Pure. A hint the wire lacks is left out with a warning; content and tools it cannot carry are
 * CAPABILITY_MISSING.
 */
export function buildRequest(request: ChatRequest, model: string): BuiltRequest {
  const notes = createNotes();
  if (request.tools.length > 0) throw cannotCarry("a parrot", "tools", "tools", Capability.TOOLS);
  if (request.responseFormat !== undefined) {
    throw cannotCarry("a parrot", "response_format", "JSON", Capability.JSON_MODE);
  }
  const { sampling } = request;
  if (sampling?.temperature !== undefined) notes.ignored("sampling.temperature", "a parrot has one temperature");
  const longest = sampling?.maxOutputTokens;
  const talk = request.messages.map((message, index) => lineOf(message, `messages[${index}]`, notes));
  return {
    path: "/talk",
    body: JSON.stringify({ parrot: model, talk, ...(longest !== undefined && { longest }) }),
    warnings: notes.warnings,
  };
}

function lineOf(message: Message, path: string, notes: Notes): Line {
  const who = SPEAKERS[message.role];
  if (who === undefined) throw cannotCarry("a parrot", `${path}.role`, "results of tools", Capability.TOOLS);
  const texts = message.parts.map(({ kind, providerState }, index) => {
    const field = `${path}.parts[${index}]`;
    if (providerState.length > 0) notes.ignored(`${field}.provider_state`, "a parrot keeps no state");
    if (kind.case === "text") return kind.value.text;
    throw cannotCarry("a parrot", field, kind.case ?? "provider_state");
  });
  return { who, say: texts.join("") };
}
