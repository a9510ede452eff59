import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ModelSettings, ProviderSettings } from "../../../src/adapters/adapter.ts";
import { capabilitiesOf } from "../../../src/adapters/openai/models.ts";
import { resolveQuirks } from "../../../src/adapters/openai/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/openai/request.ts";
import { ExecutionError } from "../../../src/errors.ts";
import type { ModelCapabilities } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { ChatRequestSchema, type Warning } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole, type PartSchema } from "../../../src/gen/execution/v1/content_pb.js";

type RequestInit = MessageInitShape<typeof ChatRequestSchema>;

/** A part before it is created. */
export type PartInit = MessageInitShape<typeof PartSchema>;

/** An instance with some quirks. */
export function instance(
  quirks: Readonly<Record<string, unknown>> = {},
  models: Readonly<Record<string, ModelSettings>> = {},
  baseUrl?: string,
): ProviderSettings {
  return {
    name: "test",
    kind: "openai",
    headers: {},
    transport: "native",
    timeouts: { connectMs: 1000, headersMs: 1000, idleMs: 1000 },
    models,
    quirks,
    ...(baseUrl !== undefined && { baseUrl }),
  };
}

/** What a test says of where its request goes. */
export interface Target {
  readonly vendor?: string;
  readonly model?: string;
  readonly quirks?: Readonly<Record<string, unknown>>;
}

/** A request as it was built. */
export interface Built {
  /** The JSON body, whatever its shape. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly warnings: readonly Warning[];
  /** Fields warned of, in order. */
  readonly ignored: readonly string[];
}

/** Builds a request, by default for OpenAI's `gpt-4o`, not streamed, of one user message "hi". */
export function build(request: RequestInit, { vendor = "openai", model = "gpt-4o", quirks = {} }: Target = {}): Built {
  const settings = instance({ vendor, stream: false, ...quirks });
  const built = buildRequest({
    request: create(ChatRequestSchema, { messages: [user(text("hi"))], ...request }),
    model,
    quirks: resolveQuirks(settings, model),
    ...boundOf(capabilitiesOf(settings, model)),
  });
  const { warnings } = built;
  const body = JSON.parse(built.body) as Record<string, unknown>;
  return { body, text: built.body, warnings, ignored: warnings.map(({ field }) => field) };
}

/** What an adapter tells its builder of a model's most output. */
export function boundOf({ maxOutputTokens }: ModelCapabilities): { readonly maxOutputTokens?: number } {
  return maxOutputTokens === undefined ? {} : { maxOutputTokens };
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
export const user = (...parts: PartInit[]) => ({ role: MessageRole.USER, parts });
export const assistant = (...parts: PartInit[]) => ({ role: MessageRole.ASSISTANT, parts });
export const text = (value: string) => ({ kind: { case: "text" as const, value: { text: value } } });
export const reasoning = (value: string) => ({ kind: { case: "reasoning" as const, value: { text: value } } });

/** Bytes of a text. */
export const bytes = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
