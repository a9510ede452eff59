import type { ChatRequest, UpstreamRouting, Warning } from "../../gen/execution/v1/chat_pb.js";
import { encodeJson } from "../../json-text.ts";
import { readProviderOptions } from "../provider-options.ts";
import type { Quirks } from "./quirks.ts";
import { takenHints } from "./request-hints.ts";
import { buildMessages } from "./request-messages.ts";
import { type BuildContext, cannotCarry, createBuildContext } from "./request-notes.ts";
import { buildOutput } from "./request-output.ts";
import { buildReasoning } from "./request-reasoning.ts";
import { buildSampling } from "./request-sampling.ts";
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
    ...buildSampling(request, maxOutputTokens, context),
    ...buildReasoning(request.reasoning, context),
    ...buildOutput(request, context),
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
