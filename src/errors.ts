import type { ChatFailure } from "./gen/execution/v1/errors_pb.js";
import { Code } from "./gen/google/rpc/code_pb.js";

/** Who caused a failure, and so who has to react: the platform, a provider, or the caller. */
export type Origin = "gateway" | "provider" | "caller";

/** What the error table says of one reason. */
interface ErrorRow {
  /** Canonical status code before the first content; after content every provider failure is ABORTED. */
  readonly code: Code;
  readonly origin: Origin;
  /** True if the same request may succeed later without a change. */
  readonly retryable: boolean;
}

const row = (code: Code, origin: Origin, retryable = false): ErrorRow => ({ code, origin, retryable });

/**
 * The error table: every reason the platform can give, its status code, who caused it, and whether a retry can help.
 * The provider rows follow the providers' published error types; adapters choose among them by type and code, never by HTTP status alone.
 */
export const ERROR_TABLE = {
  AUTH_INVALID: row(Code.UNAUTHENTICATED, "caller"),
  SCOPE_DENIED: row(Code.PERMISSION_DENIED, "caller"),
  ORIGIN_DENIED: row(Code.PERMISSION_DENIED, "caller"),
  PERSONA_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  PROVIDER_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  MODEL_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  STREAM_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  BUDGET_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  ROUTE_NOT_FOUND: row(Code.NOT_FOUND, "caller"),
  INVALID_FIELD: row(Code.INVALID_ARGUMENT, "caller"),
  CONTEXT_TOO_LONG: row(Code.INVALID_ARGUMENT, "caller"),
  MESSAGE_TOO_LARGE: row(Code.RESOURCE_EXHAUSTED, "caller"),
  CAPABILITY_MISSING: row(Code.FAILED_PRECONDITION, "caller"),
  MODEL_UNPRICED: row(Code.FAILED_PRECONDITION, "caller"),
  BUDGET_EXCEEDED: row(Code.RESOURCE_EXHAUSTED, "caller"),
  RATE_LIMITED: row(Code.RESOURCE_EXHAUSTED, "caller", true),
  BUDGET_EXISTS: row(Code.ALREADY_EXISTS, "caller"),
  BUDGET_READ_ONLY: row(Code.FAILED_PRECONDITION, "caller"),
  VERSION_CONFLICT: row(Code.ABORTED, "caller"),
  NO_CANDIDATE: row(Code.FAILED_PRECONDITION, "gateway"),
  OVERLOADED: row(Code.UNAVAILABLE, "gateway", true),
  DRAINING: row(Code.UNAVAILABLE, "gateway", true),
  IDEMPOTENCY_MISMATCH: row(Code.FAILED_PRECONDITION, "caller"),
  IDEMPOTENCY_REPLAY_EXPIRED: row(Code.FAILED_PRECONDITION, "caller"),
  RESUME_EXPIRED: row(Code.OUT_OF_RANGE, "caller"),
  REATTACH: row(Code.ABORTED, "gateway"),
  STATE_UNAVAILABLE: row(Code.UNAVAILABLE, "gateway", true),
  LEDGER_UNAVAILABLE: row(Code.UNAVAILABLE, "gateway", true),
  DEADLINE: row(Code.DEADLINE_EXCEEDED, "caller"),
  CANCELLED: row(Code.CANCELLED, "caller"),
  INTERRUPTED: row(Code.ABORTED, "gateway"),
  UNIMPLEMENTED: row(Code.UNIMPLEMENTED, "gateway"),
  BUG: row(Code.INTERNAL, "gateway"),
  PROVIDER_REJECTED: row(Code.INVALID_ARGUMENT, "provider"),
  CONTENT_BLOCKED: row(Code.FAILED_PRECONDITION, "provider"),
  PROVIDER_AUTH: row(Code.UNAVAILABLE, "provider"),
  PROVIDER_PERMISSION: row(Code.UNAVAILABLE, "provider"),
  PROVIDER_QUOTA: row(Code.RESOURCE_EXHAUSTED, "provider"),
  PROVIDER_RATE_LIMITED: row(Code.RESOURCE_EXHAUSTED, "provider", true),
  PROVIDER_MODEL_GONE: row(Code.UNAVAILABLE, "provider"),
  PROVIDER_TIMEOUT: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_CONFLICT: row(Code.ABORTED, "provider", true),
  PROVIDER_MODEL_ERROR: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_INTERNAL: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_UNAVAILABLE: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_OVERLOADED: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_NETWORK: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_DNS: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_TLS: row(Code.UNAVAILABLE, "provider"),
  PROVIDER_PROTOCOL: row(Code.UNAVAILABLE, "provider", true),
  PROVIDER_UNKNOWN: row(Code.UNAVAILABLE, "provider", true),
  UPSTREAM_TRUNCATED: row(Code.UNAVAILABLE, "provider", true),
  UPSTREAM_STALLED: row(Code.UNAVAILABLE, "provider", true),
  NO_HEALTHY_TARGET: row(Code.UNAVAILABLE, "provider", true),
} as const satisfies Record<string, ErrorRow>;

/** A reason of the error table. */
export type Reason = keyof typeof ERROR_TABLE;

/** One field that is wrong and how to mend it; `field` is a path such as `messages[0].parts[1].image.mime_type`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** One precondition that does not hold: its type (`CAPABILITY`), what it is about, and how to mend it. */
export interface PreconditionViolation {
  readonly type: string;
  readonly subject: string;
  readonly description: string;
}

/** One quota that is exceeded. */
export interface QuotaViolation {
  readonly subject: string;
  readonly description: string;
}

/** What an error may carry beside its reason and message. Absent means: does not apply. */
export interface ErrorExtras {
  readonly code?: Code;
  readonly retryAfterMs?: number;
  /** False if this one cannot pass by itself although its reason usually can (a daily limit, an unknown 4xx). */
  readonly retryable?: boolean;
  readonly fields?: readonly FieldViolation[];
  readonly preconditions?: readonly PreconditionViolation[];
  readonly quotas?: readonly QuotaViolation[];
  readonly provider?: string;
  readonly model?: string;
  /** Id of the budget that there is already; the caller may see it. */
  readonly budgetId?: string;
  /** The provider's own words, already redacted and cut to 512 bytes. */
  readonly providerMessage?: string;
  /** True if the provider got nothing of the request: no connection to it came about. */
  readonly unsent?: boolean;
  /** The provider's own words as they came, until the exchange has concealed them in `providerMessage`; never sent. */
  readonly providerWords?: string;
  /** True once content of the call was sent; the error is then ABORTED unless it is a deadline, a cancellation or a budget. */
  readonly partial?: boolean;
  /** What a Chat that failed had done until then. Set by the router. */
  readonly failure?: ChatFailure;
  /** True if the provider instance has another key that may do, so that another attempt at the same place is worth making at once. */
  readonly otherKey?: boolean;
  /** Id of the request the error belongs to, if it is not the one that is told of it: a stream ends alike for all of its readers. */
  readonly requestId?: string;
  /** For the log only; never sent. */
  readonly cause?: unknown;
}

/**
 * The one error of the platform. `message` is for the caller: it says what was bad and how to mend it, and holds no secret, no prompt and no
 * stack. Anything that is not an ExecutionError is a bug and shows as such.
 */
export class ExecutionError extends Error {
  override readonly name = "ExecutionError";
  readonly reason: Reason;
  readonly extras: ErrorExtras;

  constructor(reason: Reason, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.reason = reason;
    this.extras = extras;
  }

  /** Canonical status code. */
  get code(): Code {
    return this.extras.code ?? ERROR_TABLE[this.reason].code;
  }

  /** Who caused it. */
  get origin(): Origin {
    return ERROR_TABLE[this.reason].origin;
  }

  /** True if the same request may succeed later; never once content was sent. */
  get retryable(): boolean {
    return (this.extras.retryable ?? ERROR_TABLE[this.reason].retryable) && this.extras.partial !== true;
  }

  /** The same error with more said about it. */
  with(extras: ErrorExtras): ExecutionError {
    return new ExecutionError(this.reason, this.message, { ...this.extras, ...extras });
  }
}

/**
 * Reads anything that was thrown as an ExecutionError. An abort becomes its signal's reason, if that is one; everything else is a BUG whose
 * message says nothing but an id (`newId`), with the cause kept for the log.
 */
export function toExecutionError(thrown: unknown, newId: () => string): ExecutionError {
  if (thrown instanceof ExecutionError) return thrown;
  if (typeof thrown === "object" && thrown !== null && "cause" in thrown && thrown.cause instanceof ExecutionError) {
    return thrown.cause;
  }
  return new ExecutionError("BUG", `internal error ${newId()}; the log has its cause under this id`, { cause: thrown });
}
