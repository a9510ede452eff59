import type { AttemptSummary } from "../gen/execution/v1/usage_pb.js";
import type { OpenAttempt } from "../ledger/store.ts";
import type { Call, ResolvedCandidate } from "./call.ts";

/** What a row says of an attempt before it is sent. */
export function openAttempt(
  { resolved, context, streamId }: Call,
  candidate: ResolvedCandidate,
  { step, attempt }: AttemptSummary,
  { attemptId, startedAtMs }: Pick<OpenAttempt, "attemptId" | "startedAtMs">,
): OpenAttempt {
  return {
    attemptId,
    streamId,
    requestId: context.requestId,
    tenant: context.principal.tenant,
    key: context.principal.key,
    persona: resolved.persona,
    endUserId: resolved.request.endUserId,
    metadata: resolved.request.metadata,
    step,
    attempt,
    provider: candidate.adapter.settings.name,
    kind: candidate.adapter.settings.kind,
    model: candidate.model.model,
    startedAtMs,
  };
}

/** Digits of the time in an id, hexadecimal: milliseconds since the epoch until the year 10889. */
const TIME_DIGITS = 12;

/** Of its random digits: 80 bits. */
const RANDOM_DIGITS = 20;

/** An id of an attempt: the time, so that later ones sort later, and random digits. */
export function attemptIdOf(startedAtMs: number, newId: () => string): string {
  return `attempt_${startedAtMs.toString(16).padStart(TIME_DIGITS, "0")}${newId().slice(-RANDOM_DIGITS)}`;
}
