import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { capabilitiesOf } from "../../../src/adapters/anthropic/models.ts";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { boundOf, bytes, type PartInit, text, user } from "../openai/build.ts";
import { anthropicSettings } from "./rig.ts";

export { assistant, bytes, type PartInit, reasoning, text, user } from "../openai/build.ts";

type RequestInit = MessageInitShape<typeof ChatRequestSchema>;

/** What a test says of where its request goes. */
export interface Target {
  readonly model?: string;
  readonly quirks?: Readonly<Record<string, unknown>>;
}

/** A request as it was built. */
export interface Built {
  /** The JSON body, whatever its shape. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly betas: readonly string[];
  /** `CODE field` of each warning, in order, with FIELD_IGNORED short for itself. */
  readonly warned: readonly string[];
}

/** A model that takes every field of the wire, budgets for thinking and an assistant message to continue. */
const MODEL = "claude-opus-4-5";

/** Builds a request, by default not streamed and of one user message "hi". */
export function build(request: RequestInit, { model = MODEL, quirks = {} }: Target = {}): Built {
  const settings = anthropicSettings("https://api.anthropic.com", { quirks: { stream: false, ...quirks } });
  const built = buildRequest({
    request: create(ChatRequestSchema, { messages: [user(text("hi"))], ...request }),
    model,
    quirks: resolveQuirks(settings, model),
    ...boundOf(capabilitiesOf(settings, model)),
  });
  const warned = built.warnings.map(({ code, field }) => (code === "FIELD_IGNORED" ? field : `${code} ${field}`));
  return { body: JSON.parse(built.body) as Record<string, unknown>, text: built.body, betas: built.betas, warned };
}

/** Builds a request that must not be built, and returns the error as `REASON field`. */
export function refusal(request: RequestInit, target: Target = {}): string {
  try {
    build(request, target);
  } catch (error) {
    if (error instanceof ExecutionError) return `${error.reason} ${error.extras.fields?.[0]?.field}`;
    throw error;
  }
  throw new Error("the request was built");
}

/** Messages and parts, short. */
export const system = (...parts: PartInit[]) => ({ role: MessageRole.SYSTEM, parts });
export const developer = (...parts: PartInit[]) => ({ role: MessageRole.DEVELOPER, parts });
export const tool = (...parts: PartInit[]) => ({ role: MessageRole.TOOL, parts });
export const call = (id: string, argumentsJson = "{}") => ({
  kind: { case: "toolCall" as const, value: { id, name: "look", argumentsJson } },
});
export const result = (toolCallId: string, ...parts: PartInit[]) => ({
  kind: { case: "toolResult" as const, value: { toolCallId, parts } },
});
export const state = (kind: string, value: string, owner = "anthropic") => ({ owner, kind, data: bytes(value) });
