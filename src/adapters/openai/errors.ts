import type { ErrorExtras, ExecutionError, Reason } from "../../errors.ts";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { asArray, asObject, asText, type JsonObject, tryParse } from "../json.ts";
import { type ErrorAnswer, mayPass, providerError, readRetryAfterMs, reasonByStatus } from "../provider-error.ts";

/**
 * Reasons by the error's own `code` or `type`, which say more than the status. Sources: the error references of OpenAI
 * (platform.openai.com/docs/guides/error-codes), Azure OpenAI, Groq, Mistral, DeepSeek, OpenRouter, Together, vLLM and llama.cpp, and recorded
 * bodies. Words that do not decide (`invalid_request_error`, `api_error`) are missing on purpose: the status then tells.
 */
const REASONS: Readonly<Record<string, Reason>> = {
  context_length_exceeded: "CONTEXT_TOO_LONG",
  exceed_context_size_error: "CONTEXT_TOO_LONG",
  model_max_prompt_tokens_exceeded: "CONTEXT_TOO_LONG",
  request_too_large: "MESSAGE_TOO_LARGE",

  content_filter: "CONTENT_BLOCKED",
  content_policy_violation: "CONTENT_BLOCKED",
  data_inspection_failed: "CONTENT_BLOCKED",
  moderation_blocked: "CONTENT_BLOCKED",

  invalid_api_key: "PROVIDER_AUTH",
  authentication_error: "PROVIDER_AUTH",
  invalid_authentication_error: "PROVIDER_AUTH",
  account_deactivated: "PROVIDER_AUTH",
  permission_error: "PROVIDER_PERMISSION",
  permission_denied: "PROVIDER_PERMISSION",
  permission_denied_error: "PROVIDER_PERMISSION",
  unsupported_country_region_territory: "PROVIDER_PERMISSION",

  insufficient_quota: "PROVIDER_QUOTA",
  billing_error: "PROVIDER_QUOTA",
  billing_not_active: "PROVIDER_QUOTA",
  billing_hard_limit_reached: "PROVIDER_QUOTA",
  credit_balance_exhausted: "PROVIDER_QUOTA",
  credit_limit: "PROVIDER_QUOTA",
  exceeded_current_quota_error: "PROVIDER_QUOTA",
  insufficient_balance: "PROVIDER_QUOTA",
  organization_spend_limit_exceeded: "PROVIDER_QUOTA",
  organization_usage_limit_exceeded: "PROVIDER_QUOTA",
  project_spend_limit_exceeded: "PROVIDER_QUOTA",

  rate_limit_exceeded: "PROVIDER_RATE_LIMITED",
  rate_limit_error: "PROVIDER_RATE_LIMITED",
  rate_limit_reached_error: "PROVIDER_RATE_LIMITED",
  rate_limited: "PROVIDER_RATE_LIMITED",
  slow_down: "PROVIDER_RATE_LIMITED",

  model_not_found: "PROVIDER_MODEL_GONE",
  model_decommissioned: "PROVIDER_MODEL_GONE",
  model_not_available: "PROVIDER_MODEL_GONE",
  invalid_model: "PROVIDER_MODEL_GONE",
  deploymentnotfound: "PROVIDER_MODEL_GONE",
  not_found_error: "PROVIDER_MODEL_GONE",

  capacity_exceeded: "PROVIDER_OVERLOADED",
  tool_use_failed: "PROVIDER_MODEL_ERROR",
  json_validate_failed: "PROVIDER_MODEL_ERROR",

  conflict_error: "PROVIDER_CONFLICT",
  timeout_error: "PROVIDER_TIMEOUT",
  server_error: "PROVIDER_INTERNAL",
  internal_error: "PROVIDER_INTERNAL",
  internal_server_error: "PROVIDER_INTERNAL",
  overloaded_error: "PROVIDER_OVERLOADED",
  engine_overloaded_error: "PROVIDER_OVERLOADED",
  service_unavailable: "PROVIDER_UNAVAILABLE",
};

/** What the words that do not decide mean where there is no status. */
const WITHOUT_STATUS: Readonly<Record<string, Reason>> = {
  invalid_request_error: "PROVIDER_REJECTED",
  api_error: "PROVIDER_INTERNAL",
};

/** What only the message tells: providers without a code for it say that the context is too long, or that money is lacking. */
const CONTEXT_TOO_LONG =
  /maximum context length|context length exceeded|max(?:imum)? context|context window|context size|prompt (?:is )?too long|input is too long|too many (?:input )?tokens/i;
const OUT_OF_CREDIT = /insufficient (?:balance|credits?|funds|quota)|exceeded your current quota|not enough credits/i;
const BLOCKED = /content (?:exists risk|policy|management policy)|flagged (?:by|as|for) |moderation/i;
/** A request that is larger than the whole limit cannot pass however long one waits. */
const NEVER_FITS = /^request too large/i;

/** What an error body says, wherever it says it. */
interface ErrorWords {
  readonly status: number;
  /** Code, type and status word, in lower case, the most telling first. */
  readonly words: readonly string[];
  readonly message: string;
}

/** Reads a refusal: an answer whose status is not 2xx. `nowMs` is for a `retry-after` that is a date. */
export function readError({ status, headers, body }: ErrorAnswer, nowMs: number): ExecutionError {
  const said = readWords(tryParse(body), status);
  if (said !== undefined) return toError(said, reasonOf(said), headers, nowMs);
  const unread: ErrorWords = { status, words: [], message: readable(body) };
  // Nobody who speaks this wire says 404 without an error: the base URL leads elsewhere.
  return toError(unread, status === 404 ? "PROVIDER_PROTOCOL" : reasonByStatus(status), headers, nowMs);
}

/** Reads an error that came inside an answer: a chunk or document with `error`, or the data of an `error` event. */
export function readErrorValue(value: unknown): ExecutionError {
  const said = readWords(value, 0) ?? { status: 0, words: [], message: asText(value) };
  return toError(said, reasonOf(said), {}, 0);
}

function toError(
  said: ErrorWords,
  reason: Reason,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): ExecutionError {
  const retryAfterMs = mayPass(reason) ? readRetryAfterMs(headers, said.message, nowMs) : undefined;
  return providerError(reason, said.message, {
    ...exceptions(reason, said),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function reasonOf({ status, words, message }: ErrorWords): Reason {
  for (const word of words) {
    const reason = ownReason(REASONS, word);
    if (reason !== undefined) return reason;
  }
  if (OUT_OF_CREDIT.test(message)) return "PROVIDER_QUOTA";
  if ((status === 400 || status === 403) && BLOCKED.test(message)) return "CONTENT_BLOCKED";
  if ((status === 400 || status === 413 || status === 422 || status === 0) && CONTEXT_TOO_LONG.test(message)) {
    return "CONTEXT_TOO_LONG";
  }
  if (status === 400 || status === 422) return "PROVIDER_REJECTED";
  if (status === 0) return words.map((word) => ownReason(WITHOUT_STATUS, word)).find(Boolean) ?? "PROVIDER_UNKNOWN";
  return reasonByStatus(status);
}

/** A provider may say `constructor`, which every object has. */
function ownReason(reasons: Readonly<Record<string, Reason>>, word: string): Reason | undefined {
  return Object.hasOwn(reasons, word) ? reasons[word] : undefined;
}

function exceptions(reason: Reason, { status, message }: ErrorWords): ErrorExtras {
  if (reason === "PROVIDER_UNKNOWN" && status >= 400 && status < 500)
    return { code: Code.INVALID_ARGUMENT, retryable: false };
  if (reason === "PROVIDER_RATE_LIMITED" && NEVER_FITS.test(message)) return { retryable: false };
  return {};
}

/**
 * The shapes of an error body: `{error: {message, type, code, param}}` (OpenAI, Azure, Groq, DeepSeek, Ollama), with a number for a code and
 * the upstream's words in `metadata.raw` (OpenRouter), in an array (Gemini), `{error: "text", code}` (xAI, Ollama), `{message, type, code}`
 * (Mistral, vLLM, Azure's gateway), `{detail}` (Mistral, FastAPI). Undefined for anything else.
 */
function readWords(parsed: unknown, httpStatus: number): ErrorWords | undefined {
  const outer = asObject(asArray(parsed)[0] ?? parsed);
  if (outer === undefined) return undefined;
  const inner = asObject(outer.error) ?? outer;
  const codes = [inner.code, inner.type, inner.status, inner.error_type, outer.error_type];
  return {
    status: httpStatus === 0 || httpStatus === 200 ? statusOf(inner) : httpStatus,
    words: codes.flatMap((word) => (typeof word === "string" ? [word.toLowerCase()] : [])),
    message: [messageOf(outer, inner), rawOf(inner)].filter((text) => text !== "").join(": "),
  };
}

/** The HTTP status an error inside an answer would have had: its code, if that is one. */
function statusOf(error: JsonObject): number {
  for (const value of [error.status_code, error.code]) {
    const status = Number(value);
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  return 0;
}

function messageOf(outer: JsonObject, inner: JsonObject): string {
  const candidates = [inner.message, outer.error, outer.message, outer.detail];
  const text = candidates.map(asText).find((candidate) => candidate !== "");
  if (text !== undefined) return text;
  const details = asArray(outer.detail).map((detail) => {
    const path = asArray(asObject(detail)?.loc).join(".");
    return `${path}: ${asText(asObject(detail)?.msg)}`;
  });
  return details.join("; ");
}

/** What the provider behind a router said. */
function rawOf(error: JsonObject): string {
  const raw = asObject(error.metadata)?.raw;
  return typeof raw === "string" ? raw : "";
}

/** A body that is no JSON: a proxy's text goes on, a page does not. */
function readable(body: string): string {
  return /^\s*</.test(body) ? "" : body;
}
