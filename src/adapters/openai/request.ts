import {
  type ChatRequest,
  Modality,
  ReasoningEffort,
  type Sampling,
  type UpstreamRouting,
  Verbosity,
  type Warning,
} from "../../gen/execution/v1/chat_pb.js";
import { encodeJson } from "../../json-text.ts";
import { withinOutputBound } from "../output-bound.ts";
import { readProviderOptions } from "../provider-options.ts";
import type { HintField, Quirks } from "./quirks.ts";
import { buildMessages } from "./request-messages.ts";
import { type BuildContext, cannotCarry, createBuildContext } from "./request-notes.ts";
import { buildReasoning } from "./request-reasoning.ts";
import { buildResponseFormat, buildTools, KIND } from "./request-tools.ts";
import type { WireBody } from "./request-wire.ts";

/** What a request is built from. */
export interface BuildInput {
  readonly request: ChatRequest;
  /** The provider's own word for the model. */
  readonly model: string;
  readonly quirks: Quirks;
  /** Most tokens the model can produce; absent if that is not known. */
  readonly maxOutputTokens?: number;
}

/** A request as it is sent. */
export interface BuiltRequest {
  /** Below the instance's base URL. */
  readonly path: "/chat/completions";
  /** The JSON body as text: schemas and arguments in it keep their digits and key order. */
  readonly body: string;
  /** Whether a stream is asked for. */
  readonly stream: boolean;
  /** What was left out, to be yielded before anything else. */
  readonly warnings: readonly Warning[];
}

/**
 * Builds the chat-completions request for a ChatRequest, after OpenAI's API reference (the types of its SDK) and what the quirks say of other
 * servers. Pure. Hints the server lacks are left out, each with a FIELD_IGNORED warning, or brought within its bounds with FIELD_CHANGED; content and tools it cannot carry are
 * CAPABILITY_MISSING; JSON texts that are none, files of another vendor and options off the allowlist are INVALID_FIELD.
 *
 * `metadata` stays with the platform: it labels the ledger, and what it says of the caller is nobody else's business. `end_user_id` goes out
 * as `user`, which every compatible server knows; OpenAI reads it like its successor `safety_identifier`. No `n` is sent: one answer is the
 * default everywhere.
 */
export function buildRequest({ request, model, quirks, maxOutputTokens }: BuildInput): BuiltRequest {
  const context = createBuildContext(quirks);
  const body: WireBody = {
    model,
    messages: buildMessages(request.messages, context),
    ...buildTools(request, context),
    ...buildResponseFormat(request.responseFormat, context),
    ...samplingFields(request, maxOutputTokens, context),
    ...buildReasoning(request.reasoning, context),
    ...outputFields(request, context),
    ...accountFields(request, context),
    ...routingFields(request.upstreamRouting, context),
    ...streamFields(quirks),
  };
  const options = readProviderOptions(request.providerOptionsJson, "provider_options_json", {
    kind: KIND,
    vendor: quirks.vendor,
    allowed: quirks.options,
  });
  if (request.safetySettings.length > 0) context.ignored("safety_settings", "this wire has no such filters");
  if (request.cacheHint !== undefined) {
    context.ignored("cache_hint", `${quirks.vendor} caches by itself, or by the hints of parts`);
  }
  return {
    path: "/chat/completions",
    body: encodeJson({ ...body, ...options }),
    stream: quirks.stream,
    warnings: context.warnings,
  };
}

/** A hint of the contract and the field it becomes. */
type Hint = readonly [path: string, hint: HintField, fields: Partial<WireBody>];

/** Keeps the hints the server takes and warns of the others. */
function takenHints(hints: readonly (Hint | undefined)[], reasons: boolean, context: BuildContext): Partial<WireBody> {
  const { ignores, onlyWithoutReasoning, vendor } = context.quirks;
  const taken: Partial<WireBody>[] = [];
  for (const hint of hints) {
    if (hint === undefined) continue;
    const [path, field, fields] = hint;
    if (ignores.includes(field)) context.ignored(path, `this model of ${vendor} does not take it`);
    else if (reasons && onlyWithoutReasoning.includes(field)) {
      context.ignored(path, "the model takes it only with reasoning effort NONE");
    } else taken.push(fields);
  }
  return Object.assign({}, ...taken);
}

function samplingFields(request: ChatRequest, modelMost: number | undefined, context: BuildContext): Partial<WireBody> {
  const { sampling } = request;
  if (sampling === undefined) return {};
  const { maxTokensField } = context.quirks;
  const maxOutputTokens = withinOutputBound(sampling.maxOutputTokens, modelMost, context);
  return {
    ...(maxOutputTokens !== undefined && { [maxTokensField]: maxOutputTokens }),
    ...takenHints(samplingHints(sampling, context.quirks), reasonsFor(request, context.quirks), context),
  };
}

function reasonsFor({ reasoning }: ChatRequest, { reasonsByDefault }: Quirks): boolean {
  const effort = reasoning?.effort ?? ReasoningEffort.UNSPECIFIED;
  return effort === ReasoningEffort.UNSPECIFIED ? reasonsByDefault : effort !== ReasoningEffort.NONE;
}

function samplingHints(sampling: Sampling, { seedField }: Quirks): (Hint | undefined)[] {
  const { temperature, topP, topK, minP, stop, seed, frequencyPenalty, presencePenalty, repetitionPenalty } = sampling;
  const { logitBias, logprobs, topLogprobs } = sampling;
  return [
    temperature === undefined ? undefined : ["sampling.temperature", "temperature", { temperature }],
    topP === undefined ? undefined : ["sampling.top_p", "top_p", { top_p: topP }],
    topK === undefined ? undefined : ["sampling.top_k", "top_k", { top_k: topK }],
    minP === undefined ? undefined : ["sampling.min_p", "min_p", { min_p: minP }],
    stop.length === 0 ? undefined : ["sampling.stop", "stop", { stop }],
    seed === undefined ? undefined : ["sampling.seed", "seed", { [seedField]: seed }],
    frequencyPenalty === undefined
      ? undefined
      : ["sampling.frequency_penalty", "frequency_penalty", { frequency_penalty: frequencyPenalty }],
    presencePenalty === undefined
      ? undefined
      : ["sampling.presence_penalty", "presence_penalty", { presence_penalty: presencePenalty }],
    repetitionPenalty === undefined
      ? undefined
      : ["sampling.repetition_penalty", "repetition_penalty", { repetition_penalty: repetitionPenalty }],
    Object.keys(logitBias).length === 0 ? undefined : ["sampling.logit_bias", "logit_bias", { logit_bias: logitBias }],
    logprobs === undefined ? undefined : ["sampling.logprobs", "logprobs", { logprobs }],
    topLogprobs === undefined ? undefined : ["sampling.top_logprobs", "logprobs", { top_logprobs: topLogprobs }],
  ];
}

const VERBOSITY_WORDS = {
  [Verbosity.UNSPECIFIED]: undefined,
  [Verbosity.LOW]: "low",
  [Verbosity.MEDIUM]: "medium",
  [Verbosity.HIGH]: "high",
} as const;

const MODALITY_WORDS = {
  [Modality.UNSPECIFIED]: "text",
  [Modality.TEXT]: "text",
  [Modality.AUDIO]: "audio",
  [Modality.IMAGE]: "image",
} as const;

function outputFields(request: ChatRequest, context: BuildContext): Partial<WireBody> {
  const { modalities, audioOutput, parallelToolCalls } = request;
  const verbosity = VERBOSITY_WORDS[request.verbosity];
  return {
    ...(modalities.length > 0 && { modalities: modalities.map((modality) => MODALITY_WORDS[modality]) }),
    ...(audioOutput !== undefined && { audio: audioFields(audioOutput) }),
    ...takenHints(
      [
        verbosity === undefined ? undefined : ["verbosity", "verbosity", { verbosity }],
        parallelToolCalls === undefined
          ? undefined
          : ["parallel_tool_calls", "parallel_tool_calls", { parallel_tool_calls: parallelToolCalls }],
      ],
      false,
      context,
    ),
  };
}

/** Formats are the provider's own words, of which its type lists those of its day. */
function audioFields({ format, voice }: { readonly format: string; readonly voice: string }) {
  return { format: format as "wav", voice };
}

function accountFields(request: ChatRequest, context: BuildContext): Partial<WireBody> {
  const { serviceTier, cacheKey, store, endUserId } = request;
  const { endUserField, vendor } = context.quirks;
  if (endUserId !== "" && endUserField === "none") context.ignored("end_user_id", `${vendor} has no field for it`);
  return {
    ...(endUserId !== "" && endUserField !== "none" && { [endUserField]: endUserId }),
    ...takenHints(
      [
        serviceTier === "" ? undefined : ["service_tier", "service_tier", { service_tier: serviceTier }],
        cacheKey === "" ? undefined : ["cache_key", "cache_key", { prompt_cache_key: cacheKey }],
        store === undefined ? undefined : ["store", "store", { store }],
      ],
      false,
      context,
    ),
  };
}

function routingFields(routing: UpstreamRouting | undefined, context: BuildContext): Partial<WireBody> {
  if (routing === undefined) return {};
  if (!context.quirks.upstreamRouting) throw cannotCarry(context, "upstream_routing", "choice of upstreams");
  const { order, allowFallbacks } = routing;
  return {
    provider: {
      ...(order.length > 0 && { order }),
      ...(allowFallbacks !== undefined && { allow_fallbacks: allowFallbacks }),
    },
  };
}

function streamFields({ stream, streamUsage }: Quirks): Partial<WireBody> {
  if (!stream) return {};
  return { stream: true, ...(streamUsage === "stream_options" && { stream_options: { include_usage: true } }) };
}
