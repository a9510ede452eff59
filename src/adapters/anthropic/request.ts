import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, Modality, Verbosity, type Warning } from "../../gen/execution/v1/chat_pb.js";
import { encodeJson } from "../../json-text.ts";
import { withinOutputBound } from "../output-bound.ts";
import { readProviderOptions } from "../provider-options.ts";
import { neededBetas } from "./betas.ts";
import { OWNER } from "./blocks.ts";
import type { Quirks } from "./quirks.ts";
import { waitingContainer } from "./request-container.ts";
import { buildMessages } from "./request-messages.ts";
import { type BuildContext, cannotCarry, createBuildContext } from "./request-notes.ts";
import { type BuiltReasoning, buildReasoning } from "./request-reasoning.ts";
import { buildSampling } from "./request-sampling.ts";
import { cacheField } from "./request-state.ts";
import { buildTools, outputFormat } from "./request-tools.ts";
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
  readonly path: "/v1/messages";
  /** The JSON body as text: schemas and arguments in it keep their digits and key order. */
  readonly body: string;
  /** Whether a stream is asked for. */
  readonly stream: boolean;
  /** Values of the `anthropic-beta` header: the instance's, and those that what is asked for needs; each once. */
  readonly betas: readonly string[];
  /** What was left out or changed, to be yielded before anything else. */
  readonly warnings: readonly Warning[];
}

/**
 * Builds the messages request for a ChatRequest, after Anthropic's API reference (the types of its SDK) and what the quirks say of the model.
 * Pure. Hints the model lacks are left out with a FIELD_IGNORED warning, or brought within its bounds with FIELD_CHANGED; content and tools it
 * cannot carry are CAPABILITY_MISSING; JSON texts that are none, files of another vendor, options off the allowlist and what the wire could only refuse are INVALID_FIELD.
 *
 * The wire demands a bound of the output: where the request sets none it is the model's own, or a conservative one for a model nothing is known
 * of. `metadata` stays with the platform; `end_user_id` goes out as `metadata.user_id`.
 */
export function buildRequest({ request, model, quirks, maxOutputTokens }: BuildInput): BuiltRequest {
  const context = createBuildContext(quirks);
  // Who configures a higher one knows of a beta that allows it.
  const most = maxOutputTokens === undefined ? undefined : Math.max(maxOutputTokens, quirks.maxTokens);
  const maxTokens = withinOutputBound(request.sampling?.maxOutputTokens, most, context) ?? quirks.maxTokens;
  refuseOutputs(request);
  ignoreHints(request, context);
  const options = readProviderOptions(request.providerOptionsJson, "provider_options_json", {
    kind: OWNER,
    vendor: OWNER,
    allowed: quirks.options,
  });
  const reasoning = buildReasoning(request, maxTokens, context);
  const isThinking = reasoning.thinking?.type === "adaptive" || reasoning.thinking?.type === "enabled";
  const { serviceTier, endUserId } = request;
  const container = waitingContainer(request.messages);
  const body: WireBody = {
    model,
    max_tokens: maxTokens,
    ...buildMessages(request.messages, context),
    ...buildTools(request, context),
    ...buildSampling(request, isThinking, context),
    ...(reasoning.thinking !== undefined && { thinking: reasoning.thinking }),
    ...outputConfig(request, reasoning, context),
    ...cacheField(request.cacheHint),
    ...(container !== undefined && { container }),
    ...(endUserId !== "" && { metadata: { user_id: endUserId } }),
    ...(serviceTier !== "" && { service_tier: serviceTier }),
    ...(quirks.stream && { stream: true }),
  };
  return {
    path: "/v1/messages",
    body: encodeJson({ ...body, ...options }),
    stream: quirks.stream,
    betas: [...new Set([...quirks.betas, ...neededBetas(request, options)])],
    warnings: context.warnings,
  };
}

function outputConfig(
  { responseFormat }: ChatRequest,
  { effort }: BuiltReasoning,
  context: BuildContext,
): Pick<WireBody, "output_config"> {
  const config = { ...(effort !== undefined && { effort }), ...outputFormat(responseFormat, context) };
  return Object.keys(config).length === 0 ? {} : { output_config: config };
}

function refuseOutputs({ modalities, upstreamRouting }: ChatRequest): void {
  for (const [index, modality] of modalities.entries()) {
    const path = `modalities[${index}]`;
    if (modality === Modality.AUDIO) throw cannotCarry(path, "sound in answers", Capability.AUDIO_OUTPUT);
    if (modality === Modality.IMAGE) throw cannotCarry(path, "images in answers", Capability.IMAGE_OUTPUT);
  }
  if (upstreamRouting !== undefined) throw cannotCarry("upstream_routing", "choice of upstreams");
}

function ignoreHints(request: ChatRequest, { ignored }: BuildContext): void {
  const { verbosity, cacheKey, store, safetySettings, audioOutput } = request;
  if (verbosity !== Verbosity.UNSPECIFIED) ignored("verbosity", `${OWNER} has no field for it`);
  if (cacheKey !== "") ignored("cache_key", `${OWNER} caches by prefix alone`);
  if (store !== undefined) ignored("store", `${OWNER} has no field for it`);
  if (safetySettings.length > 0) ignored("safety_settings", "this wire has no such filters");
  if (audioOutput !== undefined) ignored("audio_output", "there is no sound in answers");
}
