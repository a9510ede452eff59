import { asObject, asText, tryParse } from "../../../../src/adapters/json.ts";
import {
  type ErrorAnswer,
  mayPass,
  providerError,
  readRetryAfterMs,
  reasonByStatus,
} from "../../../../src/adapters/provider-error.ts";
import type { ExecutionError, Reason } from "../../../../src/errors.ts";

/** Reasons by the error's own word, which says more than the status. */
const REASONS: ReadonlyMap<string, Reason> = new Map([
  ["nonsense", "PROVIDER_REJECTED"],
  ["too_long", "CONTEXT_TOO_LONG"],
  ["rude", "CONTENT_BLOCKED"],
  ["stranger", "PROVIDER_AUTH"],
  ["flown", "PROVIDER_MODEL_GONE"],
  ["busy", "PROVIDER_RATE_LIMITED"],
  ["asleep", "PROVIDER_UNAVAILABLE"],
]);

/** Reads a refusal, `{kind, words}`. `nowMs` is for a `retry-after` that is a date. */
export function readError({ status, headers, body }: ErrorAnswer, nowMs: number): ExecutionError {
  const { kind, words } = wordsOf(tryParse(body));
  const reason = REASONS.get(kind) ?? reasonByStatus(status);
  const retryAfterMs = mayPass(reason) ? readRetryAfterMs(headers, words, nowMs) : undefined;
  return providerError(reason, words, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Reads an error that came inside an answer. */
export function readErrorValue(value: unknown): ExecutionError {
  const { kind, words } = wordsOf(value);
  return providerError(REASONS.get(kind) ?? "PROVIDER_UNKNOWN", words);
}

function wordsOf(value: unknown): { readonly kind: string; readonly words: string } {
  const { kind, words } = asObject(value) ?? {};
  return { kind: asText(kind), words: asText(words) };
}
