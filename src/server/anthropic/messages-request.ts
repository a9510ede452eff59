import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ChatRequest, ChatRequestSchema, type SamplingSchema } from "../../gen/execution/v1/chat_pb.js";
import { joinMembers } from "../../json-text.ts";
import {
  asBoolean,
  asCount,
  asList,
  asName,
  asNumber,
  asObject,
  asText,
  type Field,
  type ObjectFields,
  optional,
  readBody,
  refuse,
} from "../edge/fields.ts";
import { readCacheControl } from "../edge/parts.ts";
import { OWNER } from "./blocks.ts";
import { readConversation } from "./conversation.ts";
import { readReasoning } from "./reasoning.ts";
import { readOutputFormat, readToolChoice, readTools } from "./tools.ts";

/** A body of `POST /v1/messages`, read. */
export interface MessagesRequest {
  readonly request: ChatRequest;
  /** Whether the caller wants its answer streamed. */
  readonly stream: boolean;
}

/** Fields the contract has no place for. They need the key's permission, and the serving kind's allowlist. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  "compaction",
  "container",
  "context_management",
  "diagnostics",
  "fallbacks",
  "inference_geo",
  "mcp_servers",
  "speed",
]);

/**
 * Reads the body of `POST /v1/messages` into the contract. Strict: a field that is unknown or of another type is INVALID_FIELD with its path,
 * null is absent, and nothing is dropped: blocks the contract has no place for are kept as they were written, for Anthropic alone. JSON Schemas
 * and arguments keep their digits and key order. Fields of the body the contract has no place for become `provider_options_json`, which needs
 * the key's permission.
 */
export function parseMessages(text: string): MessagesRequest {
  const body = asObject(readBody(text));
  const stream = body.take("stream");
  const model = asName(body.need("model"));
  const messages = readConversation(body.take("system"), body.need("messages"));
  const tools = body.take("tools");
  const toolChoice = body.take("tool_choice");
  const request = create(ChatRequestSchema, {
    model,
    messages,
    ...(tools !== undefined && readTools(tools)),
    ...(toolChoice !== undefined && readToolChoice(toolChoice)),
    sampling: readSampling(body),
    ...readOutput(body),
    ...optional("cacheHint", body.take("cache_control"), readCacheControl),
    ...optional("endUserId", body.take("metadata"), readUserId),
    ...optional("serviceTier", body.take("service_tier"), asName),
    providerOptionsJson: readExtensions(body),
  });
  return { request, stream: stream !== undefined && asBoolean(stream) };
}

/** Bounds are the wire's. */
function readSampling(body: ObjectFields): MessageInitShape<typeof SamplingSchema> {
  return {
    maxOutputTokens: asCount(body.need("max_tokens"), 1),
    ...optional("temperature", body.take("temperature"), (field) => asNumber(field, 0, 1)),
    ...optional("topP", body.take("top_p"), (field) => asNumber(field, 0, 1)),
    ...optional("topK", body.take("top_k"), (field) => asCount(field, 0)),
    ...optional("stop", body.take("stop_sequences"), (field) => asList(field).map(asName)),
  };
}

/** How the model is to think and answer. `output_format` is the old name of `output_config.format`. */
function readOutput(body: ObjectFields) {
  const config = body.take("output_config");
  const fields = config === undefined ? undefined : asObject(config);
  const effort = fields?.take("effort");
  const format = fields?.take("format");
  fields?.close();
  const old = body.take("output_format");
  if (format !== undefined && old !== undefined) refuse(old.path, "is the old form of output_config.format; send one");
  const reasoning = readReasoning(body.take("thinking"), effort);
  return {
    ...(reasoning !== undefined && { reasoning }),
    ...optional("responseFormat", format ?? old, readOutputFormat),
  };
}

function readUserId(field: Field): string {
  const metadata = asObject(field);
  const id = metadata.take("user_id");
  metadata.close();
  return id === undefined ? "" : asText(id);
}

function readExtensions(body: ObjectFields): { [kind: string]: string } {
  const members = body.rest().map(([key, field]): [string, string] => {
    if (!EXTENSIONS.has(key)) refuse(field.path, "is not a field this endpoint knows; leave it out");
    return [key, field.raw()];
  });
  return members.length === 0 ? {} : { [OWNER]: joinMembers(members) };
}
