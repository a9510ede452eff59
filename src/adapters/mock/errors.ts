import { ERROR_TABLE, ExecutionError, type FieldViolation, type Reason } from "../../errors.ts";
import type { ShapeProblem } from "./shape.ts";

/** Which instance and model an error is about. */
export interface ErrorPlace {
  readonly provider: string;
  readonly model: string;
}

/** An error as a script writes it. */
export interface ScriptedError {
  readonly reason: Reason;
  readonly message?: string | undefined;
  readonly retry_after_ms?: number | undefined;
  readonly provider_message?: string | undefined;
}

/** Failures of a provider without an answer, and so without response headers. */
const WITHOUT_ANSWER: ReadonlySet<Reason> = new Set([
  "PROVIDER_NETWORK",
  "PROVIDER_DNS",
  "PROVIDER_TLS",
  "PROVIDER_TIMEOUT",
]);

/** True for an error that comes as the provider's answer, so that the response has begun. */
export function isAnswered({ reason }: ScriptedError): boolean {
  return ERROR_TABLE[reason].origin === "provider" && !WITHOUT_ANSWER.has(reason);
}

/** The error a script asks for, as an adapter of a real provider would throw it. */
export function scriptedError(error: ScriptedError, place: ErrorPlace): ExecutionError {
  return new ExecutionError(error.reason, error.message ?? `the mock's script says ${error.reason}`, {
    ...place,
    ...(error.retry_after_ms === undefined ? {} : { retryAfterMs: error.retry_after_ms }),
    ...(error.provider_message === undefined ? {} : { providerMessage: error.provider_message }),
  });
}

/** The answer ended without its end marker. */
export function truncatedError(place: ErrorPlace): ExecutionError {
  return new ExecutionError("UPSTREAM_TRUNCATED", "the provider's answer ended without its end marker", place);
}

/** Nothing came for too long: PROVIDER_TIMEOUT before the response began, UPSTREAM_STALLED after. */
export function silenceError(limitMs: number, begun: boolean, place: ErrorPlace): ExecutionError {
  return begun
    ? new ExecutionError("UPSTREAM_STALLED", `the provider sent nothing for ${limitMs} ms`, place)
    : new ExecutionError("PROVIDER_TIMEOUT", `the provider did not begin to answer within ${limitMs} ms`, place);
}

/** The model lacks what a field of the request needs. */
export function missingError(field: string, place: ErrorPlace): ExecutionError {
  const description = `${place.model} takes no ${field}; use another model or leave it out`;
  return new ExecutionError("CAPABILITY_MISSING", description, {
    ...place,
    preconditions: [{ type: "CAPABILITY", subject: `${place.provider}/${place.model}`, description }],
  });
}

/** A field of the request that nobody could read. Says nothing of what is in it. */
export function unreadableError(field: string): ExecutionError {
  const description = "is not a JSON text";
  return new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}

/** The request's own script is wrong; every problem is named by its path in the request. */
export function invalidScriptError(problems: readonly ShapeProblem[], root: string): ExecutionError {
  const fields = problems.map(
    ({ path, message }): FieldViolation => ({ field: root + formatPath(path), description: message }),
  );
  const [first] = fields;
  return new ExecutionError(
    "INVALID_FIELD",
    `the mock's script is invalid: ${first?.field ?? root} ${first?.description ?? ""}`,
    {
      fields,
    },
  );
}

/** What a signal was fired with: its own ExecutionError, or CANCELLED. */
export function abortError(signal: AbortSignal): ExecutionError {
  const reason: unknown = signal.reason;
  return reason instanceof ExecutionError
    ? reason
    : new ExecutionError("CANCELLED", "the call was cancelled", { cause: reason });
}

function formatPath(path: readonly (string | number)[]): string {
  return path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
}
