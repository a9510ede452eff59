import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { ConnectError } from "@connectrpc/connect";
import { ERROR_DOMAIN } from "../contract/error-details.ts";
import { type ChatFailure, ChatFailureSchema } from "../gen/execution/v1/errors_pb.js";
import type { Usage } from "../gen/execution/v1/usage_pb.js";
import { Code } from "../gen/google/rpc/code_pb.js";
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  type PreconditionFailure,
  PreconditionFailureSchema,
  type QuotaFailure,
  QuotaFailureSchema,
  type RetryInfo,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.js";

/** Name of a canonical status code, such as `RESOURCE_EXHAUSTED`. */
export type StatusCode = keyof typeof Code;

/** The details of a failure as the gateway sent them. Those that do not apply are absent. */
export interface ErrorDetails {
  readonly info?: ErrorInfo;
  readonly retry?: RetryInfo;
  /** Which fields are wrong and how to mend them. */
  readonly badRequest?: BadRequest;
  /** Which capabilities are missing where. */
  readonly precondition?: PreconditionFailure;
  readonly quota?: QuotaFailure;
  /** What a Chat that failed had done until then. */
  readonly failure?: ChatFailure;
}

/** What the client itself knows of a failure. */
interface ClientFacts {
  readonly code: StatusCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** True if events had arrived. */
  readonly begun: boolean;
  readonly cause: unknown;
}

/** The one error of the client: a call that failed, why, and what it cost. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  /** Canonical status code. */
  readonly code: StatusCode;
  /**
   * Reason from the gateway's error table (`CAPABILITY_MISSING` ...). `CANCELLED` and `DEADLINE` also where the client ended the call itself;
   * empty where the failure does not come from a gateway, such as a refused connection.
   */
  readonly reason: string;
  /** True if the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** How long to wait before that, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** True if content had been sent: a repeated request is billed again. */
  readonly partial: boolean;
  /** Id of the request, as in the gateway's log. */
  readonly requestId: string | undefined;
  /** Provider instance and model it happened at. */
  readonly provider: string | undefined;
  readonly model: string | undefined;
  /** What all attempts used together, as far as known. */
  readonly usage: Usage | undefined;
  /** What they cost together; absent if unpriced. */
  readonly costNanoUsd: bigint | undefined;
  /** Resumes the stream; absent if it cannot be resumed. */
  readonly resumeToken: string | undefined;
  readonly details: ErrorDetails;

  constructor({ code, message, details, begun, cause }: ClientFacts) {
    super(message, { cause });
    const { info, failure } = details;
    const metadata = info?.metadata ?? {};
    this.code = code;
    this.reason = info?.reason ?? OWN_REASONS[code] ?? "";
    this.retryable = info === undefined ? code === "UNAVAILABLE" && !begun : metadata.retryable === "true";
    this.retryAfterMs = retryDelayMs(details.retry);
    this.partial = info === undefined ? begun : metadata.partial === "true";
    this.requestId = metadata.request_id;
    this.provider = metadata.provider;
    this.model = metadata.model;
    this.usage = failure?.usage;
    this.costNanoUsd = failure?.costNanoUsd;
    this.resumeToken = failure?.resumeToken === "" ? undefined : failure?.resumeToken;
    this.details = details;
  }
}

const OWN_REASONS: Readonly<Partial<Record<StatusCode, string>>> = {
  CANCELLED: "CANCELLED",
  DEADLINE_EXCEEDED: "DEADLINE",
};

/**
 * Reads anything a call threw as a ChatError. `begun` says whether events had arrived, `left` whether the caller ended the call. Connect has the
 * same code for a connection that broke as for a call that was cancelled: if neither the gateway nor the caller says so, it broke.
 */
export function toChatError(thrown: unknown, { begun, left }: { begun: boolean; left: boolean }): ChatError {
  if (thrown instanceof ChatError) return thrown;
  const error = ConnectError.from(thrown);
  const details = detailsOf(error);
  const said = Code[error.code] as StatusCode;
  const broke = said === "CANCELLED" && details.info === undefined && !left;
  const [code, message] = broke
    ? (["UNAVAILABLE", `the connection broke: ${error.rawMessage}`] as const)
    : ([said, error.rawMessage] as const);
  return new ChatError({ code, message, details, begun, cause: thrown });
}

/** The stream ended as if all were well, but without `finished`: something between client and gateway cut it. */
export function truncatedError(): ChatError {
  const message = "the stream ended without `finished` and without an error; something on the way has cut it";
  return new ChatError({ code: "ABORTED", message, details: {}, begun: true, cause: undefined });
}

function detailsOf(error: ConnectError): ErrorDetails {
  const first = <Detail extends Message>(schema: GenMessage<Detail>): Detail | undefined =>
    error.findDetails(schema)[0] as Detail | undefined;
  const found = {
    info: error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === ERROR_DOMAIN),
    retry: first(RetryInfoSchema),
    badRequest: first(BadRequestSchema),
    precondition: first(PreconditionFailureSchema),
    quota: first(QuotaFailureSchema),
    failure: first(ChatFailureSchema),
  };
  return Object.fromEntries(Object.entries(found).filter(([, detail]) => detail !== undefined));
}

function retryDelayMs(retry: RetryInfo | undefined): number | undefined {
  const delay = retry?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds) * 1000 + Math.round(delay.nanos / 1e6);
}
