import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { capabilitiesOf } from "../../../src/adapters/gemini/models.ts";
import { resolveQuirks } from "../../../src/adapters/gemini/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/gemini/request.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole, type PartSchema } from "../../../src/gen/execution/v1/content_pb.js";
import { boundOf } from "../openai/build.ts";
import { geminiSettings } from "./rig.ts";

type RequestInit = MessageInitShape<typeof ChatRequestSchema>;

/** A part before it is created. */
export type PartInit = MessageInitShape<typeof PartSchema>;

/** What a test says of where its request goes. */
export interface Target {
  readonly model?: string;
  readonly quirks?: Readonly<Record<string, unknown>>;
}

/** A request as it was built. */
export interface Built {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The JSON body, whatever its shape. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Fields warned of, in order. */
  readonly ignored: readonly string[];
}

/** Builds a request, by default for `gemini-3.5-flash` of the Gemini API, of one user message "hi". */
export function build(request: RequestInit, { model = "gemini-3.5-flash", quirks = {} }: Target = {}): Built {
  const settings = geminiSettings("https://generativelanguage.googleapis.com/v1beta", { quirks });
  const { path, query, body, warnings } = buildRequest({
    request: create(ChatRequestSchema, { messages: [user(text("hi"))], ...request }),
    model,
    quirks: resolveQuirks(settings, model),
    ...boundOf(capabilitiesOf(settings, model)),
  });
  const ignored = warnings.map(({ field }) => field);
  return { path, query, body: JSON.parse(body) as Record<string, unknown>, text: body, ignored };
}

/** Builds a request that must not be built, and returns the error. */
export function refusal(request: RequestInit, target: Target = {}): ExecutionError {
  try {
    build(request, target);
  } catch (error) {
    if (error instanceof ExecutionError) return error;
    throw error;
  }
  throw new Error("the request was built");
}

/** Messages and parts, short. */
export const system = (...parts: PartInit[]) => ({ role: MessageRole.SYSTEM, parts });
export const user = (...parts: PartInit[]) => ({ role: MessageRole.USER, parts });
export const assistant = (...parts: PartInit[]) => ({ role: MessageRole.ASSISTANT, parts });
export const toolMessage = (...parts: PartInit[]) => ({ role: MessageRole.TOOL, parts });
export const text = (value: string) => ({ kind: { case: "text" as const, value: { text: value } } });
export const call = (id: string, name: string, argumentsJson = "") => ({
  kind: { case: "toolCall" as const, value: { id, name, argumentsJson } },
});
export const result = (toolCallId: string, parts: PartInit[], more: { name?: string; isError?: boolean } = {}) => ({
  kind: { case: "toolResult" as const, value: { toolCallId, parts, ...more } },
});

/** State of a part. */
export const state = (kind: string, data: string, owner = "gemini") => ({
  owner,
  kind,
  data: new TextEncoder().encode(data),
});
