import { ERROR_TABLE, type ErrorExtras, ExecutionError, type Reason } from "../errors.ts";

/** A refusal as it came. */
export interface ErrorAnswer {
  /** HTTP status; 200 for an error inside an answer that had begun. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, possibly cut. */
  readonly body: string;
}

/** What a reason says to the caller; the provider's own words go beside it. */
const WORDS: Partial<Record<Reason, string>> = {
  PROVIDER_REJECTED: "the provider refused the request as invalid",
  CONTEXT_TOO_LONG: "the conversation is longer than the model's context window; shorten it or choose another model",
  MESSAGE_TOO_LARGE: "the request is larger than the provider accepts",
  CONTENT_BLOCKED: "the provider's content policy blocked the request",
  PROVIDER_AUTH: "the provider refused the platform's credential; the operator has to mend it",
  PROVIDER_PERMISSION: "the platform's credential may not use this model or region of the provider",
  PROVIDER_QUOTA: "the platform's account with the provider is out of credit or over its spend limit",
  PROVIDER_RATE_LIMITED: "the provider's rate limit is reached",
  PROVIDER_MODEL_GONE: "the provider does not have this model, or not for the platform's account",
  PROVIDER_TIMEOUT: "the provider gave up on the request because it took too long",
  PROVIDER_CONFLICT: "the provider reported a conflict with another request",
  PROVIDER_MODEL_ERROR: "the model failed to produce a usable answer",
  PROVIDER_INTERNAL: "the provider failed",
  PROVIDER_UNAVAILABLE: "the provider is not available",
  PROVIDER_OVERLOADED: "the provider is overloaded",
  PROVIDER_PROTOCOL: "the provider's answer is not of this wire; the operator should check its base URL",
  PROVIDER_UNKNOWN: "the provider failed in a way the platform does not know",
};

/**
 * Longest wait that a caller is told of: a day, in milliseconds. Providers say longer ones by mistake, and callers that take them at their word never come
 * back; or at once, since a timer of JavaScript that is set for more than 24.8 days fires in the next moment.
 */
const LONGEST_WAIT_MS = 86_400_000;

/**
 * The error of a provider's refusal: the reason's own message, and the provider's words, redacted and cut, beside it. The exchange, which knows
 * what the instance has to hide, replaces them by the words it conceals. A time to wait is at most a day.
 */
export function providerError(reason: Reason, words: string, extras: ErrorExtras = {}): ExecutionError {
  const { retryAfterMs } = extras;
  const providerMessage = cutToBytes(redact(words.trim()), 512);
  return new ExecutionError(reason, WORDS[reason] ?? "the provider reported an error", {
    ...extras,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.min(retryAfterMs, LONGEST_WAIT_MS) }),
    ...(providerMessage !== "" && { providerMessage, providerWords: words }),
  });
}

/**
 * The reason of a refusal of which only the HTTP status is known. Adapters ask it last, after the type and code of the error. A status
 * without a meaning of its own is PROVIDER_UNKNOWN.
 */
export function reasonByStatus(status: number): Reason {
  switch (status) {
    case 401:
      return "PROVIDER_AUTH";
    case 402:
      return "PROVIDER_QUOTA";
    case 403:
      return "PROVIDER_PERMISSION";
    case 404:
      return "PROVIDER_MODEL_GONE";
    case 408:
    case 504:
      return "PROVIDER_TIMEOUT";
    case 409:
      return "PROVIDER_CONFLICT";
    case 413:
      return "MESSAGE_TOO_LARGE";
    case 424:
      return "PROVIDER_MODEL_ERROR";
    case 429:
      return "PROVIDER_RATE_LIMITED";
    case 500:
      return "PROVIDER_INTERNAL";
    case 502:
    case 503:
      return "PROVIDER_UNAVAILABLE";
    case 529:
      return "PROVIDER_OVERLOADED";
    default:
      return "PROVIDER_UNKNOWN";
  }
}

/** True if a refusal for this reason may pass by itself: then a time to wait is worth passing on. */
export function mayPass(reason: Reason): boolean {
  return ERROR_TABLE[reason].retryable;
}

/**
 * How long the provider asks to wait, in milliseconds: `retry-after-ms`, then `retry-after` in seconds or as a date (RFC 9110, 10.2.3), then
 * what its message says ("Please try again in 1m2.5s", "retry after 20 seconds"). Undefined if it does not say.
 */
export function readRetryAfterMs(
  headers: Readonly<Record<string, string>>,
  message: string,
  nowMs: number,
): number | undefined {
  const milliseconds = Number.parseFloat(headers["retry-after-ms"] ?? "");
  if (milliseconds >= 0) return Math.ceil(milliseconds);
  const header = headers["retry-after"] ?? "";
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number.parseFloat(header) : Number.NaN;
  if (seconds >= 0) return Math.ceil(seconds * 1000);
  const date = header === "" ? Number.NaN : Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, date - nowMs);
  const words =
    /(?:try again|retry|wait)[^.\d]{0,24}((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|hours?|minutes?|seconds?|[hms])(?![a-z])\s*)+)/i;
  return parseDurationMs(words.exec(message)?.[1] ?? "");
}

/** Reads a duration such as `1m2.5s`, `120ms`, `17s` or `20 seconds`, in milliseconds rounded up; undefined if it is none. */
export function parseDurationMs(text: string): number | undefined {
  let total: number | undefined;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|milli|h|m|s)/gi)) {
    total = (total ?? 0) + Number(amount) * (UNIT_MS[unit?.toLowerCase() ?? ""] ?? 0);
  }
  return total === undefined ? undefined : Math.ceil(total);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, milli: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * What keys look like: known prefixes, bearer tokens, already masked ones, and long runs without a word boundary. A masked one is looked for
 * from its beginning only: trying each character of a long word would take the square of its length.
 */
const KEYS =
  /\b(?:sk|pk|rk|gsk|xai|hf|r8|pplx|csk|nvapi|fw|tgp|ghp|glpat)[-_][\w*-]+|\bAIza[\w-]+|\bAKIA\w+|\bBearer\s+\S+|(?<![\w-])[\w-]*\*{3,}[\w*-]*|\b[A-Za-z0-9_+/=]{32,}/g;

/** The text with everything that looks like a key replaced by `[redacted]`. */
export function redact(text: string): string {
  return text.replace(KEYS, "[redacted]");
}

/** The text, cut at a character's end so that it has at most so many bytes in UTF-8. */
export function cutToBytes(text: string, bytes: number): string {
  // A character has at most 3 bytes for each UTF-16 unit.
  if (text.length * 3 <= bytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
