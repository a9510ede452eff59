import { create } from "@bufbuild/protobuf";
import { type ChatRequest, ChatRequestSchema, Modality, Verbosity } from "../../gen/execution/v1/chat_pb.js";
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
  readBody,
  refuse,
} from "../edge/fields.ts";
import { readExtensions } from "./extensions.ts";
import { readMessages } from "./messages.ts";
import { readReasoning, readSampling } from "./sampling.ts";
import { readResponseFormat, readToolChoice, readTools } from "./tools.ts";

/** A body of `POST /v1/chat/completions`, read. */
export interface ChatCompletion {
  readonly request: ChatRequest;
  /** Whether the caller wants its answer streamed. */
  readonly stream: boolean;
  /** Whether the stream is to end with a chunk of usage. */
  readonly includeUsage: boolean;
}

const VERBOSITIES = { low: Verbosity.LOW, medium: Verbosity.MEDIUM, high: Verbosity.HIGH };
const MODALITIES = { text: Modality.TEXT, audio: Modality.AUDIO, image: Modality.IMAGE };

/**
 * Reads the body of `POST /v1/chat/completions` into the contract: OpenAI's fields and what compatible servers add to them. Strict: a field
 * that is unknown or of another type is INVALID_FIELD with its path, null is absent, and nothing is dropped. JSON Schemas and arguments keep
 * their digits and key order. Fields of single servers the contract has no place for become `provider_options_json`, which needs the key's
 * permission. One answer a request: `n` other than 1 is refused.
 */
export function parseChatCompletion(text: string): ChatCompletion {
  const body = asObject(readBody(text));
  const stream = body.take("stream");
  const streamOptions = body.take("stream_options");
  const model = asName(body.need("model"));
  return {
    request: readCompletionFields(body, { model }),
    stream: stream !== undefined && asBoolean(stream),
    includeUsage: streamOptions !== undefined && readIncludeUsage(streamOptions),
  };
}

/** Where a request is to be served. */
export interface Target {
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
}

/**
 * Reads what a chat-completions body says beside its model and its streaming, for every edge that takes such messages. Everything that is left
 * in `body` is read or refused.
 */
export function readCompletionFields(body: ObjectFields, target: Target): ChatRequest {
  const n = body.take("n");
  if (n !== undefined && asCount(n, 1) !== 1) refuse("n", "must be 1: a request has one answer; send it several times");
  return create(ChatRequestSchema, {
    ...target,
    messages: readMessages(body.need("messages")),
    ...readTools(body.take("tools"), body.take("web_search_options")),
    ...choices(body),
    ...output(body),
    ...account(body),
    providerOptionsJson: readExtensions(body),
  });
}

function readIncludeUsage(field: Field): boolean {
  const options = asObject(field);
  const include = options.take("include_usage");
  options.close();
  return include !== undefined && asBoolean(include);
}

function choices(body: ObjectFields) {
  const toolChoice = body.take("tool_choice");
  const parallel = body.take("parallel_tool_calls");
  const format = body.take("response_format");
  const sampling = readSampling(body);
  const reasoning = readReasoning(body);
  return {
    ...(toolChoice !== undefined && { toolChoice: readToolChoice(toolChoice) }),
    ...(parallel !== undefined && { parallelToolCalls: asBoolean(parallel) }),
    ...(format !== undefined && { responseFormat: readResponseFormat(format) }),
    ...(sampling !== undefined && { sampling }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

function output(body: ObjectFields) {
  const verbosity = body.take("verbosity");
  const modalities = body.take("modalities");
  const audio = body.take("audio");
  return {
    ...(verbosity !== undefined && { verbosity: asWord(verbosity, VERBOSITIES) }),
    ...(modalities !== undefined && { modalities: asList(modalities).map((field) => asWord(field, MODALITIES)) }),
    ...(audio !== undefined && { audioOutput: readAudioOutput(audio) }),
  };
}

function readAudioOutput(field: Field): { format: string; voice: string } {
  const audio = asObject(field);
  const found = { format: asName(audio.need("format")), voice: asName(audio.need("voice")) };
  audio.close();
  return found;
}

function account(body: ObjectFields) {
  const tier = body.take("service_tier");
  const key = body.take("prompt_cache_key");
  const store = body.take("store");
  const metadata = body.take("metadata");
  const routing = body.take("provider");
  return {
    endUserId: readEndUser(body),
    ...(tier !== undefined && { serviceTier: asName(tier) }),
    ...(key !== undefined && { cacheKey: asText(key) }),
    ...(store !== undefined && { store: asBoolean(store) }),
    ...(metadata !== undefined && { metadata: readMetadata(metadata) }),
    ...(routing !== undefined && { upstreamRouting: readRouting(routing) }),
  };
}

/** OpenRouter's `provider`. Its other members (price limits, data policies ...) have no place in the contract. */
function readRouting(field: Field): { order?: string[]; allowFallbacks?: boolean } {
  const routing = asObject(field);
  const order = routing.take("order");
  const fallbacks = routing.take("allow_fallbacks");
  routing.close();
  return {
    ...(order !== undefined && { order: asList(order).map(asName) }),
    ...(fallbacks !== undefined && { allowFallbacks: asBoolean(fallbacks) }),
  };
}

/** The end user under OpenAI's old and new name and Z.AI's. */
function readEndUser(body: ObjectFields): string {
  const names = ["user", "safety_identifier", "user_id"].flatMap((key) => body.take(key) ?? []);
  const [id = "", ...others] = names.map(asText);
  return others.every((other) => other === id)
    ? id
    : refuse("user", "differs from safety_identifier; send one of them");
}

function readMetadata(field: Field): { [key: string]: string } {
  return Object.fromEntries(
    asObject(field)
      .rest()
      .map(([key, value]) => [key, asText(value)]),
  );
}
