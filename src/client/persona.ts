import type { CapabilitiesResponse } from "../gen/execution/v1/capabilities_pb.js";
import { MessageRole } from "../gen/execution/v1/content_pb.js";
import type { PlanResponse } from "../gen/execution/v1/plan_pb.js";
import type { ChatStream } from "./chat-stream.ts";
import { text } from "./parts.ts";
import type { CallOptions, ChatRequestInit, MessageInit, PersonaRequestInit } from "./request.ts";

/** What a persona can be asked: one user text, a conversation, or a whole request. */
export type PersonaInput = string | MessageInit[] | PersonaRequestInit;

/** A client whose calls are served by one persona. */
export interface PersonaClient {
  readonly persona: string;
  /** Runs one request as this persona. */
  chat(input: PersonaInput, options?: CallOptions): ChatStream;
  /** Which of its candidates would serve such a request, which would not and why, and what it may cost. */
  plan(input: PersonaInput, options?: CallOptions): Promise<PlanResponse>;
  /** What this persona can do, by candidate. */
  capabilities(options?: CallOptions): Promise<CapabilitiesResponse>;
}

/** What a persona client stands on. */
interface PersonaClientDeps {
  chat(request: ChatRequestInit, options?: CallOptions): ChatStream;
  plan(request: { request: ChatRequestInit }, options?: CallOptions): Promise<PlanResponse>;
  capabilities(request: { persona: string }, options?: CallOptions): Promise<CapabilitiesResponse>;
}

/** Creates a client of one persona over another client's calls. */
export function createPersonaClient(persona: string, { chat, plan, capabilities }: PersonaClientDeps): PersonaClient {
  return {
    persona,
    chat: (input, options) => chat({ ...requestOf(input), persona }, options),
    plan: (input, options) => plan({ request: { ...requestOf(input), persona } }, options),
    capabilities: (options) => capabilities({ persona }, options),
  };
}

function requestOf(input: PersonaInput): PersonaRequestInit {
  if (typeof input === "string") return { messages: [{ role: MessageRole.USER, parts: [text(input)] }] };
  return Array.isArray(input) ? { messages: input } : input;
}
