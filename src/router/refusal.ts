import { type ErrorExtras, ExecutionError, type FieldViolation, type Reason } from "../errors.ts";
import type { Candidate } from "../gen/execution/v1/usage_pb.js";
import type { ConsideredCandidate } from "./candidates.ts";
import { nameOf, type Ruling } from "./rulings.ts";

/** Reasons in the order in which the caller can do something about them: to wait is the least. Who only costs too much could serve. */
const PRECEDENCE: readonly Reason[] = [
  "NO_HEALTHY_TARGET",
  "BUDGET_EXCEEDED",
  "MODEL_UNPRICED",
  "CAPABILITY_MISSING",
  "INVALID_FIELD",
  "MODEL_NOT_FOUND",
  "PROVIDER_NOT_FOUND",
  "SCOPE_DENIED",
];

/** The error of a request that no candidate can serve: the reason, with what is missing where for every candidate the key may know. */
export function refusalOf(
  persona: string,
  considered: readonly ConsideredCandidate[],
  isNamed: boolean,
): ExecutionError {
  const ruled = considered.flatMap((entry) =>
    entry.kept ? [] : entry.rulings.map((ruling) => ({ place: entry.place, ruling })),
  );
  const open = ruled.filter(({ ruling }) => ruling.reason !== "SCOPE_DENIED");
  const [only, ...others] = open;
  if (only === undefined) return deniedError(persona, ruled[0]?.ruling, isNamed);
  const reason = reasonOf(open.map(({ ruling }) => ruling));
  const preconditions = open.flatMap(({ ruling }) => ruling.preconditions);
  const waits = open.flatMap(({ ruling: { retryAfterMs } }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  const quotas = open.flatMap(({ ruling }) => ruling.quotas);
  const fields = eachOnce(open.flatMap(({ ruling }) => ruling.fields));
  const listed = open.map(({ place, ruling }) => `${nameOf(place)}: ${ruling.text}`).join("; ");
  const message =
    others.length === 0 && reason !== "CAPABILITY_MISSING"
      ? only.ruling.text
      : `no candidate of persona "${persona}" can serve this request: ${listed}`;
  return new ExecutionError(reason, message, {
    ...(preconditions.length === 0 ? {} : { preconditions }),
    ...(fields.length === 0 ? {} : { fields }),
    ...(reason === "NO_HEALTHY_TARGET" && waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
    ...(quotas.length === 0 ? {} : { quotas }),
    ...(considered.length === 1 ? knownPlace(only.place) : {}),
  });
}

function knownPlace({ provider, model }: Candidate): Pick<ErrorExtras, "provider" | "model"> {
  return { ...(provider === "" ? {} : { provider }), ...(model === "" ? {} : { model }) };
}

/** Two candidates of a kind say the same of a field. */
function eachOnce(fields: readonly FieldViolation[]): readonly FieldViolation[] {
  return [...new Map(fields.map((field) => [JSON.stringify(field), field])).values()];
}

function deniedError(persona: string, ruling: Ruling | undefined, isNamed: boolean): ExecutionError {
  const message =
    isNamed && ruling !== undefined ? ruling.text : `this key may use none of the candidates of persona "${persona}"`;
  return new ExecutionError("SCOPE_DENIED", message);
}

/** One that adapters alone give (a file they cannot read ...) counts where no other is there. */
function reasonOf(rulings: readonly Ruling[]): Reason {
  const reasons = rulings.map(({ reason }) => reason).filter((reason) => reason !== "FALLBACK_DENIED");
  return PRECEDENCE.find((reason) => reasons.includes(reason)) ?? reasons[0] ?? "NO_CANDIDATE";
}
