import type { ErrorExtras, ExecutionError, Reason } from "../../errors.ts";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { asObject, asText, tryParse } from "../json.ts";
import { type ErrorAnswer, mayPass, providerError, readRetryAfterMs, reasonByStatus } from "../provider-error.ts";

/**
 * Reasons by `error.details.error_code`, which names the cause, and by `error.type`, the broad category. Sources: the error pages of the Claude
 * API (platform.claude.com/docs/en/api/errors and /rate-limits) and the error classes of `@anthropic-ai/sdk` 1.14.0 (`resources/shared.d.ts`).
 * `invalid_request_error` is missing on purpose: its message and the status tell.
 */
const REASONS: Readonly<Record<string, Reason>> = {
  enforced_spend_limit_reached: "PROVIDER_QUOTA",
  contract_spend_limit_reached: "PROVIDER_QUOTA",
  linked_organization_spend_limit_reached: "PROVIDER_QUOTA",
  linked_organization_billing_unavailable: "PROVIDER_QUOTA",
  ramp_limit_exceeded: "PROVIDER_RATE_LIMITED",
  request_body_too_large_after_decoding: "MESSAGE_TOO_LARGE",
  organization_on_hold: "PROVIDER_PERMISSION",
  organization_type_not_supported: "PROVIDER_PERMISSION",
  parent_organization_required: "PROVIDER_PERMISSION",
  workspace_human_review_disabled: "PROVIDER_PERMISSION",
  sandbox_egress_restricted: "PROVIDER_PERMISSION",
  claude_code_key_creator_not_member: "PROVIDER_PERMISSION",
  cmek_key_disabled: "PROVIDER_PERMISSION",
  cmek_key_network_blocked: "PROVIDER_PERMISSION",
  cmek_context_unavailable: "PROVIDER_UNAVAILABLE",
  cmek_key_unreachable: "PROVIDER_UNAVAILABLE",

  authentication_error: "PROVIDER_AUTH",
  permission_error: "PROVIDER_PERMISSION",
  billing_error: "PROVIDER_QUOTA",
  not_found_error: "PROVIDER_MODEL_GONE",
  conflict_error: "PROVIDER_CONFLICT",
  request_too_large: "MESSAGE_TOO_LARGE",
  rate_limit_error: "PROVIDER_RATE_LIMITED",
  timeout_error: "PROVIDER_TIMEOUT",
  overloaded_error: "PROVIDER_OVERLOADED",
  api_error: "PROVIDER_INTERNAL",
};

/** What only the message of an `invalid_request_error` tells. */
const CONTEXT_TOO_LONG =
  /prompt is too long|exceeds? (?:the )?(?:model's )?(?:maximum )?context (?:limit|length|window)/i;
const OUT_OF_CREDIT = /credit balance is too low|(?:usage|spend(?:ing)?) limits?\b/i;
const BLOCKED = /content filtering policy|usage policy/i;
/** A `not_found_error` of something the request names beside its model. */
const NO_MODEL = /^(?!.*\bmodel\b).*\b(?:file|container|skill)/is;

/** What an error body says. */
interface ErrorWords {
  /** HTTP status; 0 for an error inside an answer. */
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

/** Reads a refusal: an answer whose status is not 2xx. `nowMs` is for a `retry-after` that is a date. */
export function readError({ status, headers, body }: ErrorAnswer, nowMs: number): ExecutionError {
  const said = readWords(tryParse(body), status);
  if (said !== undefined) return toError(said, reasonOf(said), headers, nowMs);
  const unread: ErrorWords = { status, code: "", type: "", message: readable(body) };
  // Nobody who speaks this wire says 404 without an error: the base URL leads elsewhere.
  return toError(unread, status === 404 ? "PROVIDER_PROTOCOL" : reasonByStatus(status), headers, nowMs);
}

/** Reads an error that came inside an answer whose status was 200: the data of an `error` event, or a document of type `error`. */
export function readErrorValue(value: unknown): ExecutionError {
  const said = readWords(value, 0) ?? { status: 0, code: "", type: "", message: asText(value) };
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

function reasonOf({ status, code, type, message }: ErrorWords): Reason {
  const reason = ownReason(code) ?? ownReason(type);
  if (reason === "PROVIDER_MODEL_GONE" && NO_MODEL.test(message)) return "PROVIDER_REJECTED";
  if (reason !== undefined) return reason;
  if (type !== "invalid_request_error") return status === 400 ? "PROVIDER_REJECTED" : reasonByStatus(status);
  if (OUT_OF_CREDIT.test(message)) return "PROVIDER_QUOTA";
  if (CONTEXT_TOO_LONG.test(message)) return "CONTEXT_TOO_LONG";
  if (BLOCKED.test(message)) return "CONTENT_BLOCKED";
  // The type is used for other statuses too; those that mean something are believed.
  const byStatus = reasonByStatus(status);
  return byStatus === "PROVIDER_UNKNOWN" ? "PROVIDER_REJECTED" : byStatus;
}

/** A provider may say `constructor`, which every object has. */
function ownReason(word: string): Reason | undefined {
  return Object.hasOwn(REASONS, word) ? REASONS[word] : undefined;
}

function exceptions(reason: Reason, { status }: ErrorWords): ErrorExtras {
  const isCallersFault = reason === "PROVIDER_UNKNOWN" && status >= 400 && status < 500;
  return isCallersFault ? { code: Code.INVALID_ARGUMENT, retryable: false } : {};
}

/**
 * The shape of an error: `{type: "error", error: {type, message, details: {error_code}}, request_id}`. Servers that speak this wire without
 * being Anthropic leave out the frame, or give a text. Undefined for anything else.
 */
function readWords(value: unknown, status: number): ErrorWords | undefined {
  const outer = asObject(value);
  if (outer === undefined) return undefined;
  const inner = asObject(outer.error) ?? outer;
  const message = [inner.message, outer.error, outer.message].map(asText).find((text) => text !== "") ?? "";
  const type = asText(inner.type);
  const code = asText(asObject(inner.details)?.error_code);
  return message === "" && (type === "" || type === "error") ? undefined : { status, code, type, message };
}

/** A body that is no JSON: a proxy's text goes on, a page does not. */
function readable(body: string): string {
  return /^\s*</.test(body) ? "" : body;
}
