import type { ChatRequest, Warning } from "../../gen/execution/v1/chat_pb.js";
import { encodeJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import type { Quirks } from "./quirks.ts";
import { buildConfig, refuseRouting, takenHints } from "./request-config.ts";
import { buildContents } from "./request-contents.ts";
import { type BuildContext, createBuildContext, ignoreCacheHint, VENDOR } from "./request-notes.ts";
import { withOptions } from "./request-options.ts";
import { buildTools } from "./request-tools.ts";
import type { WireBody } from "./request-wire.ts";

/** What a request is built from. */
export interface BuildInput {
  readonly request: ChatRequest;
  /** The provider's own word for the model: `gemini-2.5-pro`, or with its collection `tunedModels/mine`. */
  readonly model: string;
  readonly quirks: Quirks;
  /** Most tokens the model can produce; absent if that is not known. */
  readonly maxOutputTokens?: number;
}

/** A request as it is sent. */
export interface BuiltRequest {
  /** Below the instance's base URL, its query not included. */
  readonly path: string;
  /** Query to add to the base URL's: how the stream is to be framed. */
  readonly query: Readonly<Record<string, string>>;
  /** The JSON body as text: schemas and arguments in it keep their digits and key order. */
  readonly body: string;
  /** Whether a stream of events is asked for; an array is JSON like a whole answer. */
  readonly stream: boolean;
  /** What was left out, to be yielded before anything else. */
  readonly warnings: readonly Warning[];
}

/**
 * Builds the request of `generateContent` or `streamGenerateContent` for a ChatRequest, after ai.google.dev/api/generate-content and what the
 * quirks say of the surface and model. Pure. Hints the model lacks are left out, each with a FIELD_IGNORED warning, or brought within its bounds with
 * FIELD_CHANGED; content and tools the wire
 * cannot carry are CAPABILITY_MISSING; JSON texts that are none, files of another vendor and options off the allowlist are INVALID_FIELD.
 *
 * `metadata` stays with the platform: it labels the ledger. No `candidateCount` is sent: one answer is the default.
 */
export function buildRequest({ request, model, quirks, maxOutputTokens }: BuildInput): BuiltRequest {
  const context = createBuildContext(quirks);
  refuseRouting(request);
  const generationConfig = buildConfig(request, maxOutputTokens, context);
  const body: WireBody = {
    ...buildContents(request.messages, context),
    ...buildTools(request, context),
    ...safetyFields(request),
    ...(generationConfig !== undefined && { generationConfig }),
    ...accountFields(request, context),
  };
  const isEvents = quirks.stream && quirks.streamFraming === "events";
  return {
    path: `${modelPath(model)}:${quirks.stream ? "streamGenerateContent" : "generateContent"}`,
    query: isEvents ? { alt: "sse" } : {},
    body: encodeJson(withOptions({ ...body }, request, context)),
    stream: isEvents,
    warnings: context.warnings,
  };
}

/** The path of a model. Its word comes from the caller and must not lead out of the collection it is in. */
function modelPath(model: string): string {
  const segments = model.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw invalidField("model", "must be the name of a model, such as gemini-2.5-pro or tunedModels/mine");
  }
  const path = segments.map(encodeURIComponent).join("/");
  return segments.length > 1 ? `/${path}` : `/models/${path}`;
}

function safetyFields({ safetySettings }: ChatRequest): Pick<WireBody, "safetySettings"> {
  if (safetySettings.length === 0) return {};
  return { safetySettings: safetySettings.map(({ category, threshold }) => ({ category, threshold })) };
}

function accountFields(request: ChatRequest, context: BuildContext): Partial<WireBody> {
  const { serviceTier, endUserId, cacheKey, store } = request;
  const lacking = {
    end_user_id: endUserId !== "",
    cache_key: cacheKey !== "",
    store: store !== undefined,
  };
  for (const [field, isGiven] of Object.entries(lacking)) {
    if (isGiven) context.ignored(field, `${VENDOR} has no field for it`);
  }
  ignoreCacheHint(request, "", context);
  return takenHints(serviceTier === "" ? [] : [["service_tier", "service_tier", { serviceTier }]], context);
}
