import type { ErrorExtras, ExecutionError, Reason } from "../../errors.ts";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { asArray, asObject, asText, type JsonObject, tryParse } from "../json.ts";
import {
  type ErrorAnswer,
  mayPass,
  parseDurationMs,
  providerError,
  readRetryAfterMs,
  reasonByStatus,
} from "../provider-error.ts";

/**
 * Reasons by the `reason` of the error's `ErrorInfo`, which says more than its status (google.api.ErrorReason of googleapis, and what the
 * servers were recorded to say).
 */
const BY_DETAIL: Readonly<Record<string, Reason>> = {
  API_KEY_INVALID: "PROVIDER_AUTH",
  API_KEY_EXPIRED: "PROVIDER_AUTH",
  ACCESS_TOKEN_EXPIRED: "PROVIDER_AUTH",
  ACCESS_TOKEN_TYPE_UNSUPPORTED: "PROVIDER_AUTH",
  ACCOUNT_STATE_INVALID: "PROVIDER_AUTH",
  CREDENTIALS_MISSING: "PROVIDER_AUTH",
  API_KEY_SERVICE_BLOCKED: "PROVIDER_PERMISSION",
  API_KEY_HTTP_REFERRER_BLOCKED: "PROVIDER_PERMISSION",
  API_KEY_IP_ADDRESS_BLOCKED: "PROVIDER_PERMISSION",
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: "PROVIDER_PERMISSION",
  CONSUMER_INVALID: "PROVIDER_PERMISSION",
  CONSUMER_SUSPENDED: "PROVIDER_PERMISSION",
  IAM_PERMISSION_DENIED: "PROVIDER_PERMISSION",
  SERVICE_DISABLED: "PROVIDER_PERMISSION",
  BILLING_DISABLED: "PROVIDER_QUOTA",
  RATE_LIMIT_EXCEEDED: "PROVIDER_RATE_LIMITED",
  RESOURCE_QUOTA_EXCEEDED: "PROVIDER_RATE_LIMITED",
};

/** Reasons by the status word (google.rpc.Code). INVALID_ARGUMENT is last resort: its message may say more. */
const BY_STATUS: Readonly<Record<string, Reason>> = {
  INVALID_ARGUMENT: "PROVIDER_REJECTED",
  OUT_OF_RANGE: "PROVIDER_REJECTED",
  UNIMPLEMENTED: "PROVIDER_REJECTED",
  FAILED_PRECONDITION: "PROVIDER_REJECTED",
  UNAUTHENTICATED: "PROVIDER_AUTH",
  PERMISSION_DENIED: "PROVIDER_PERMISSION",
  NOT_FOUND: "PROVIDER_MODEL_GONE",
  ALREADY_EXISTS: "PROVIDER_CONFLICT",
  ABORTED: "PROVIDER_CONFLICT",
  RESOURCE_EXHAUSTED: "PROVIDER_RATE_LIMITED",
  DEADLINE_EXCEEDED: "PROVIDER_TIMEOUT",
  CANCELLED: "PROVIDER_INTERNAL",
  INTERNAL: "PROVIDER_INTERNAL",
  DATA_LOSS: "PROVIDER_INTERNAL",
  UNAVAILABLE: "PROVIDER_UNAVAILABLE",
};

/** What only the message tells, within the status words it may come with. */
const BY_MESSAGE: readonly { readonly words: RegExp; readonly statuses: readonly string[]; readonly reason: Reason }[] =
  [
    {
      words: /token count .*exceeds the maximum|exceeds the maximum number of (?:input )?tokens/i,
      statuses: ["INVALID_ARGUMENT"],
      reason: "CONTEXT_TOO_LONG",
    },
    {
      words: /payload size exceeds|request is too large/i,
      statuses: ["INVALID_ARGUMENT", "FAILED_PRECONDITION"],
      reason: "MESSAGE_TOO_LARGE",
    },
    {
      words: /location is not supported/i,
      statuses: ["FAILED_PRECONDITION"],
      reason: "PROVIDER_PERMISSION",
    },
    { words: /billing/i, statuses: ["FAILED_PRECONDITION"], reason: "PROVIDER_QUOTA" },
    {
      words: /(?:prepayment|prepaid) credits|spending cap|spend(?:ing)? limit|credits? (?:are|is) depleted/i,
      statuses: ["RESOURCE_EXHAUSTED"],
      reason: "PROVIDER_QUOTA",
    },
    { words: /api key|leaked/i, statuses: ["PERMISSION_DENIED"], reason: "PROVIDER_AUTH" },
  ];

/** A `google.rpc.Status` as JSON has it. */
interface Status {
  /** HTTP status; 0 where nobody says it. */
  readonly http: number;
  readonly word: string;
  readonly message: string;
  readonly details: readonly JsonObject[];
}

/** Reads a refusal: an answer whose status is not 2xx. `nowMs` is for a `retry-after` that is a date. */
export function readError({ status, headers, body }: ErrorAnswer, nowMs: number): ExecutionError {
  const said = readStatus(tryParse(body), status);
  if (said !== undefined) return toError(said, headers, nowMs);
  // Nobody who speaks this wire says 404 without an error: the base URL leads elsewhere.
  const reason = status === 404 ? "PROVIDER_PROTOCOL" : reasonByStatus(status);
  return withRetry(reason, { http: status, word: "", message: readable(body), details: [] }, headers, nowMs);
}

/** Reads an error that came inside an answer: a chunk or document with `error`. */
export function readErrorValue(value: unknown): ExecutionError {
  return toError(readStatus(value, 0) ?? { http: 0, word: "", message: "", details: [] }, {}, 0);
}

function toError(said: Status, headers: Readonly<Record<string, string>>, nowMs: number): ExecutionError {
  return withRetry(reasonOf(said), said, headers, nowMs);
}

function reasonOf({ http, word, message, details }: Status): Reason {
  for (const { reason } of details) {
    const told = own(BY_DETAIL, asText(reason));
    if (told !== undefined) return told;
  }
  const told = BY_MESSAGE.find(({ words, statuses }) => statuses.includes(word) && words.test(message));
  if (told !== undefined) return told.reason;
  const byWord = own(BY_STATUS, word);
  if (byWord !== undefined) return byWord;
  if (http === 400) return "PROVIDER_REJECTED";
  return reasonByStatus(http);
}

function withRetry(
  reason: Reason,
  said: Status,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): ExecutionError {
  const extras = exceptions(reason, said);
  const waits = mayPass(reason) && extras.retryable !== false;
  const retryAfterMs = waits ? (retryDelayMs(said) ?? readRetryAfterMs(headers, said.message, nowMs)) : undefined;
  return providerError(reason, said.message, { ...extras, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

function exceptions(reason: Reason, { http, details }: Status): ErrorExtras {
  if (reason === "PROVIDER_UNKNOWN" && http >= 400 && http < 500) {
    return { code: Code.INVALID_ARGUMENT, retryable: false };
  }
  if (reason === "PROVIDER_RATE_LIMITED" && details.some(isDailyQuota)) return { retryable: false };
  return {};
}

/** A quota of a day, or of nothing at all, is not waited for. */
function isDailyQuota({ violations }: JsonObject): boolean {
  return asArray(violations).some((entry) => {
    const { quotaId, quotaValue } = asObject(entry) ?? {};
    return asText(quotaId).includes("PerDay") || quotaValue === "0";
  });
}

/** The wait of a `RetryInfo`: a duration in seconds as JSON writes it (`48s`, `0.5s`). */
function retryDelayMs({ details }: Status): number | undefined {
  for (const { retryDelay } of details) {
    const delayMs = parseDurationMs(asText(retryDelay));
    if (delayMs !== undefined) return delayMs;
  }
  return undefined;
}

/** The shapes of an error body: `{error: {code, message, status, details}}`, alone or in an array. Undefined for anything else. */
function readStatus(parsed: unknown, httpStatus: number): Status | undefined {
  const error = asObject(asObject(asArray(parsed)[0] ?? parsed)?.error);
  if (error === undefined) return undefined;
  const code = Number(error.code);
  const ownStatus = Number.isInteger(code) && code >= 400 && code <= 599 ? code : 0;
  return {
    http: httpStatus >= 400 ? httpStatus : ownStatus,
    word: asText(error.status),
    message: asText(error.message),
    details: asArray(error.details).flatMap((entry) => {
      const detail = asObject(entry);
      return detail === undefined ? [] : [detail];
    }),
  };
}

function own(reasons: Readonly<Record<string, Reason>>, word: string): Reason | undefined {
  return Object.hasOwn(reasons, word) ? reasons[word] : undefined;
}

/** A body that is no JSON: a proxy's text goes on, a page does not. */
function readable(body: string): string {
  return /^\s*</.test(body) ? "" : body;
}
