import type { ExecutionError, FieldViolation, PreconditionViolation, QuotaViolation, Reason } from "../errors.ts";
import type { Candidate } from "../gen/execution/v1/usage_pb.js";
import type { TargetState } from "./health/health.ts";
import { capabilityName, type Requirement } from "./requirements.ts";

/** One reason why a candidate is ruled out. */
export interface Ruling {
  /** A reason of the error table; FALLBACK_DENIED is none, since the call goes on with another candidate. */
  readonly reason: Reason | "FALLBACK_DENIED";
  /** For a person. Names nothing that the key may not know. */
  readonly text: string;
  readonly preconditions: readonly PreconditionViolation[];
  readonly fields: readonly FieldViolation[];
  /** When it may no longer hold, in milliseconds from now. */
  readonly retryAfterMs?: number;
  readonly quotas: readonly QuotaViolation[];
}

/** A ruling that its text says all about. */
export function ruling(reason: Ruling["reason"], text: string): Ruling {
  return { reason, text, preconditions: [], fields: [], quotas: [] };
}

/** The ruling on whoever comes after the first candidate that can serve, where the request wants no other. */
export const fallbackDenied: Ruling = ruling(
  "FALLBACK_DENIED",
  "the request's fallback policy allows the first candidate only",
);

/** A candidate is known to lack, or not known to have, what a request needs. */
export function missingRuling(place: Candidate, { capability, field }: Requirement): Ruling {
  const description = `${capabilityName(capability)} is missing, needed by ${field}`;
  const precondition = { type: "CAPABILITY", subject: nameOf(place), description };
  return { ...ruling("CAPABILITY_MISSING", description), preconditions: [precondition] };
}

/** A candidate is left alone for a while: its breaker is open, its probe runs, or its provider limits the rate. */
export function unhealthyRuling(place: Candidate, state: TargetState["state"], waitMs: number): Ruling {
  const why = {
    closed: "is not tried",
    open: "is kept out after failures",
    half_open: "is kept out after failures while another call tries it",
    paused: "limits its rate",
  }[state];
  const text = `${nameOf(place)} ${why}; it may be tried again in ${(waitMs / 1000).toFixed(1)} s`;
  return { ...ruling("NO_HEALTHY_TARGET", text), retryAfterMs: Math.ceil(waitMs) };
}

/** The adapter's own refusal to build the request. Who lacks it is the candidate, whatever the adapter calls itself. */
export function builderRuling(place: Candidate, { reason, message, extras }: ExecutionError): Ruling {
  const preconditions = (extras.preconditions ?? []).map(({ type, subject, description }) => ({
    type,
    subject: nameOf(place),
    description: `${subject}: ${description}`,
  }));
  return { ...ruling(reason, message), preconditions, fields: extras.fields ?? [] };
}

/** `near/some-model`, for messages; `near` where the model is not there, or not the key's to know. */
export function nameOf({ provider, model }: Candidate): string {
  return model === "" ? provider : `${provider}/${model}`;
}
