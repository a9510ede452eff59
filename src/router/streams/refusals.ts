import { ExecutionError } from "../../errors.ts";
import type { ChatFailure } from "../../gen/execution/v1/errors_pb.js";

/** There is no such stream, or it is another tenant's. */
export function streamNotFound(): ExecutionError {
  return new ExecutionError("STREAM_NOT_FOUND", "there is no such stream, or nothing is known of it any more");
}

/** The events after the ones the reader has are not kept any more. */
export function expiredError(failure: ChatFailure): ExecutionError {
  return new ExecutionError(
    "RESUME_EXPIRED",
    `the events after ${failure.lastSequence} are not kept any more; GetStream says how the call stands`,
    { failure },
  );
}

/** The reader is ahead of the stream. */
export function aheadError(afterSequence: number, lastSequence: number): ExecutionError {
  const description = `must be the sequence of an event the stream has had: it has had ${lastSequence}`;
  return new ExecutionError("INVALID_FIELD", `after_sequence is ${afterSequence} and ${description}`, {
    fields: [{ field: "after_sequence", description }],
  });
}

/** The process stops serving its readers; the stream goes on for those that attach again. */
export function reattachError(failure: ChatFailure, partial: boolean): ExecutionError {
  return new ExecutionError(
    "REATTACH",
    "this server is shutting down while the call goes on; Resume it with the token, on another connection",
    { failure, partial },
  );
}

/** The idempotency key was used with another request. */
export function mismatchError(): ExecutionError {
  return new ExecutionError(
    "IDEMPOTENCY_MISMATCH",
    "idempotency_key was used with another request in the last 24 hours; repeat that one, or take another key",
    { preconditions: [precondition("the request must be the one the key was first used with")] },
  );
}

/** The call of an idempotency key is known, but its events are not kept any more. */
export function replayExpiredError(failure: ChatFailure): ExecutionError {
  return new ExecutionError(
    "IDEMPOTENCY_REPLAY_EXPIRED",
    "the call with this idempotency_key was made, and its answer is not kept any more; nothing was sent again",
    { failure, preconditions: [precondition("the answer of the first call must still be kept, or the key be new")] },
  );
}

/** The caller left. */
export function callerLeft(): ExecutionError {
  return new ExecutionError("CANCELLED", "the caller cancelled the call");
}

/** The process went away, or stops before the call ended. */
export function interruptedError(): ExecutionError {
  return new ExecutionError("INTERRUPTED", "the server stopped before the call ended");
}

function precondition(description: string) {
  return { type: "IDEMPOTENCY_KEY", subject: "idempotency_key", description };
}
