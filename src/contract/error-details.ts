import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type ChatFailure, ChatFailureSchema } from "../gen/execution/v1/errors_pb.js";
import type { AttemptSummary, Usage } from "../gen/execution/v1/usage_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../gen/google/rpc/status_pb.js";

/** Domain of every ErrorInfo the platform sends. */
export const ERROR_DOMAIN = "execution-platform";

/** Most bytes of a serialized status on any wire: above about 7 KiB of trailers grpcio loses the code. */
export const MAX_STATUS_BYTES = 4096;

/** Longest google.protobuf.Duration, some 10,000 years (duration.proto); a provider may ask to wait for longer. */
const MAX_DURATION_MS = 315_576_000_000_000;

/** The facts of a failure that go on the wire; an ExecutionError has them. */
export interface ErrorFacts {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly origin: string;
  readonly retryable: boolean;
  readonly extras: {
    readonly retryAfterMs?: number;
    readonly fields?: readonly { readonly field: string; readonly description: string }[];
    readonly preconditions?: readonly {
      readonly type: string;
      readonly subject: string;
      readonly description: string;
    }[];
    readonly quotas?: readonly { readonly subject: string; readonly description: string }[];
    readonly provider?: string;
    readonly model?: string;
    readonly budgetId?: string;
    readonly providerMessage?: string;
    readonly partial?: boolean;
    readonly failure?: ChatFailure;
  };
}

/** How many violations and attempts a status holds, and how many bytes of each text. */
interface Cut {
  readonly list: number;
  readonly text: number;
}

/** How long a status is in its serialized form is bounded by taking fewer violations and attempts, shorter texts, and no provider's JSON. */
const CUTS: readonly Cut[] = [
  { list: 64, text: 1024 },
  { list: 16, text: 512 },
  { list: 4, text: 256 },
  { list: 1, text: 128 },
];

/**
 * Builds the google.rpc.Status of a failure: ErrorInfo first, then RetryInfo, BadRequest, PreconditionFailure, QuotaFailure and ChatFailure
 * where they apply. At most MAX_STATUS_BYTES once serialized.
 */
export function toStatus(error: ErrorFacts, requestId: string): Status {
  for (const cut of CUTS) {
    const status = buildStatus(error, requestId, cut);
    if (toBinary(StatusSchema, status).length <= MAX_STATUS_BYTES) return status;
  }
  return buildStatus(error, requestId, { list: 0, text: 64 });
}

/** Cuts text to a number of UTF-8 bytes without splitting a character. */
export function cutText(text: string, maxBytes: number): string {
  if (text.length <= maxBytes / 3) return text;
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes) return bytes.toString("utf8");
  let end = Math.max(0, maxBytes - 3);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString("utf8")}...`;
}

function buildStatus(error: ErrorFacts, requestId: string, cut: Cut): Status {
  const text = (value: string): string => cutText(value, cut.text);
  const { extras } = error;
  const metadata: Record<string, string> = {
    request_id: requestId,
    origin: error.origin,
    retryable: String(error.retryable),
    partial: String(extras.partial ?? false),
  };
  if (extras.provider !== undefined) metadata.provider = text(extras.provider);
  if (extras.model !== undefined) metadata.model = text(extras.model);
  if (extras.budgetId !== undefined) metadata.budget_id = text(extras.budgetId);
  if (extras.providerMessage !== undefined)
    metadata.provider_message = cutText(extras.providerMessage, Math.min(512, cut.text));
  const details: Any[] = [
    anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: error.reason, domain: ERROR_DOMAIN, metadata })),
  ];
  if (error.retryable && extras.retryAfterMs !== undefined) {
    const retryAfterMs = Math.min(extras.retryAfterMs, MAX_DURATION_MS);
    const seconds = Math.floor(retryAfterMs / 1000);
    const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
    details.push(
      anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: BigInt(seconds), nanos } })),
    );
  }
  if (extras.fields !== undefined) {
    const fieldViolations = extras.fields
      .slice(0, cut.list)
      .map(({ field, description }) => ({ field: text(field), description: text(description) }));
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  if (extras.preconditions !== undefined) {
    const violations = extras.preconditions
      .slice(0, cut.list)
      .map(({ type, subject, description }) => ({ type, subject: text(subject), description: text(description) }));
    details.push(anyPack(PreconditionFailureSchema, create(PreconditionFailureSchema, { violations })));
  }
  if (extras.quotas !== undefined) {
    const violations = extras.quotas
      .slice(0, cut.list)
      .map(({ subject, description }) => ({ subject: text(subject), description: text(description) }));
    details.push(anyPack(QuotaFailureSchema, create(QuotaFailureSchema, { violations })));
  }
  if (extras.failure !== undefined) details.push(anyPack(ChatFailureSchema, cutFailure(extras.failure, cut)));
  return create(StatusSchema, { code: error.code, message: text(error.message), details });
}

/** Keeps the first and the last attempts, four each at most, and says how many are left out. Further cuts shorten what is said of each. */
function cutFailure(failure: ChatFailure, cut: Cut): ChatFailure {
  const keep = Math.min(4, cut.list);
  const middle = failure.attempts.slice(keep, Math.max(keep, failure.attempts.length - keep));
  const kept = failure.attempts.filter((attempt) => !middle.includes(attempt));
  const whole = cut === CUTS[0];
  return {
    ...failure,
    attempts: whole ? kept : kept.map((attempt) => cutAttempt(attempt, cut)),
    attemptsOmitted: failure.attemptsOmitted + middle.length,
    ...(whole || failure.usage === undefined ? {} : { usage: cutUsage(failure.usage, cut) }),
  };
}

function cutAttempt(attempt: AttemptSummary, cut: Cut): AttemptSummary {
  const { candidate, usage } = attempt;
  const text = (value: string): string => cutText(value, cut.text);
  return {
    ...attempt,
    reason: text(attempt.reason),
    ...(usage === undefined ? {} : { usage: cutUsage(usage, cut) }),
    ...(candidate === undefined
      ? {}
      : {
          candidate: {
            ...candidate,
            provider: text(candidate.provider),
            kind: text(candidate.kind),
            model: text(candidate.model),
          },
        }),
  };
}

function cutUsage(usage: Usage, { list }: Cut): Usage {
  return { ...usage, providerUsageJson: "", extras: usage.extras.slice(0, list) };
}
