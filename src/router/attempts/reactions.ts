import type { ExecutionError, Reason } from "../../errors.ts";

/** What a failed attempt means for the call and for the provider. */
export interface Reaction {
  /** Whether the same place may be tried again: never, once, or as often as the configuration's `retries`. */
  readonly retry: "never" | "once" | "always";
  /**
   * Whether another candidate may be tried: `first` prefers it to a retry, `larger` only one with a larger context window, `opt_in` only where the
   * persona says so.
   */
  readonly fallback: "never" | "yes" | "first" | "larger" | "opt_in";
  /**
   * What it says of the provider's health: a failure, a reason to open the breaker of the model or of the whole instance at once, to leave the place
   * alone for a while, that it answers as it should (`alive`), or nothing.
   */
  readonly health: "failure" | "open" | "open_instance" | "pause" | "alive" | "nothing";
}

const reaction = (retry: Reaction["retry"], fallback: Reaction["fallback"], health: Reaction["health"]): Reaction => ({
  retry,
  fallback,
  health,
});

/** The end of the call, and no fault of a provider: deadline, cancellation, a bug. */
const STOP = reaction("never", "never", "nothing");

/** The provider's verdict on the request: it would say the same again. */
const VERDICT = reaction("never", "never", "alive");

/** Nothing was sent: another candidate may be within its limits, or cheaper. */
const NOT_HERE = reaction("never", "yes", "nothing");

/**
 * How attempts that fail before content are reacted to, by reason. The rows follow the error types the providers document; what is not here ends the
 * call.
 */
export const REACTIONS: Readonly<Partial<Record<Reason, Reaction>>> = {
  BUDGET_EXCEEDED: NOT_HERE,
  RATE_LIMITED: NOT_HERE,
  MODEL_UNPRICED: NOT_HERE,
  PROVIDER_REJECTED: VERDICT,
  MESSAGE_TOO_LARGE: VERDICT,
  CONTEXT_TOO_LONG: reaction("never", "larger", "alive"),
  CONTENT_BLOCKED: reaction("never", "opt_in", "alive"),
  CAPABILITY_MISSING: reaction("never", "yes", "nothing"),
  INVALID_FIELD: reaction("never", "yes", "nothing"),
  PROVIDER_AUTH: reaction("never", "yes", "open_instance"),
  PROVIDER_PERMISSION: reaction("never", "yes", "open"),
  PROVIDER_QUOTA: reaction("never", "yes", "open_instance"),
  PROVIDER_RATE_LIMITED: reaction("always", "yes", "pause"),
  PROVIDER_MODEL_GONE: reaction("never", "yes", "open"),
  PROVIDER_TIMEOUT: reaction("once", "first", "failure"),
  PROVIDER_CONFLICT: reaction("once", "yes", "alive"),
  PROVIDER_MODEL_ERROR: reaction("once", "yes", "failure"),
  PROVIDER_INTERNAL: reaction("always", "yes", "failure"),
  PROVIDER_UNAVAILABLE: reaction("always", "yes", "failure"),
  PROVIDER_OVERLOADED: reaction("once", "first", "failure"),
  PROVIDER_NETWORK: reaction("always", "yes", "failure"),
  PROVIDER_DNS: reaction("always", "yes", "failure"),
  PROVIDER_TLS: reaction("never", "yes", "failure"),
  PROVIDER_PROTOCOL: reaction("once", "yes", "failure"),
  PROVIDER_UNKNOWN: reaction("always", "yes", "failure"),
  UPSTREAM_TRUNCATED: reaction("once", "yes", "failure"),
  UPSTREAM_STALLED: reaction("once", "first", "failure"),
};

/** How a failure is reacted to. One that its adapter knows not to pass by itself is not retried; an unknown one of these is a verdict. */
export function reactionTo({ reason, extras }: ExecutionError): Reaction {
  const found = REACTIONS[reason] ?? STOP;
  if (extras.retryable !== false) return found;
  return reason === "PROVIDER_UNKNOWN" ? VERDICT : { ...found, retry: "never" };
}

/** True for an error that is none of an attempt's: the caller left, the time is over, the platform has a bug. */
export function endsCall({ reason }: ExecutionError): boolean {
  return REACTIONS[reason] === undefined;
}
