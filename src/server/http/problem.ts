import { createRegistry, type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ChatFailureSchema } from "../../gen/execution/v1/errors_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import {
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import type { Status } from "../../gen/google/rpc/status_pb.js";

/** HTTP status of each code, as Google's APIs and the Connect protocol have it. Reasons that HTTP has a better word for are beside it. */
const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.UNAUTHENTICATED]: 401,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
};
const HTTP_STATUS_OF_REASON: Readonly<Record<string, number>> = { MESSAGE_TOO_LARGE: 413, RESUME_EXPIRED: 410 };

/** The types of details a status may have. */
export const DETAIL_TYPES = createRegistry(
  ErrorInfoSchema,
  RetryInfoSchema,
  BadRequestSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ChatFailureSchema,
);

/** A failure as SSE `error` events have it. Problem documents say the same with HTTP's words beside it. */
export interface ErrorObject {
  readonly error: string;
  /** Canonical code by name (`UNAVAILABLE`). */
  readonly code: string;
  readonly reason: string;
  readonly request_id: string;
  readonly retryable: boolean;
  /** True once content was sent. */
  readonly partial: boolean;
  readonly retry_after_ms?: number;
  readonly stream_id?: string;
  readonly last_sequence?: number;
  /** The details of the google.rpc.Status in ProtoJSON: the same on every wire. */
  readonly details: readonly JsonValue[];
}

/** A failure as an RFC 9457 problem document (`application/problem+json`). */
export interface ProblemDocument extends Omit<ErrorObject, "error"> {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** Reads a status as the object of SSE `error` events. */
export function errorObject(status: Status): ErrorObject {
  const info = infoOf(status);
  const retryDelay = find(status, RetryInfoSchema)?.retryDelay;
  const failure = find(status, ChatFailureSchema);
  return {
    error: status.message,
    code: Code[status.code] ?? "UNKNOWN",
    reason: info?.reason ?? "",
    request_id: requestIdOf(status),
    retryable: info?.metadata.retryable === "true",
    partial: info?.metadata.partial === "true",
    ...(retryDelay === undefined
      ? {}
      : { retry_after_ms: Number(retryDelay.seconds) * 1000 + Math.ceil(retryDelay.nanos / 1e6) }),
    ...(failure === undefined ? {} : { stream_id: failure.streamId, last_sequence: failure.lastSequence }),
    details: status.details.map((detail) => toJson(AnySchema, detail, { registry: DETAIL_TYPES })),
  };
}

/** Writes a status as a problem document. `httpStatus` is by code and reason unless HTTP has a word of its own for it (405, 415 ...). */
export function problemDocument(status: Status, httpStatus: number = httpStatusOf(status)): ProblemDocument {
  const { error, ...rest } = errorObject(status);
  const title = rest.reason.toLowerCase().replaceAll("_", " ");
  return { type: `urn:execution-platform:${rest.reason}`, title, status: httpStatus, detail: error, ...rest };
}

/** The request's id, as in logs. */
export function requestIdOf(status: Status): string {
  return infoOf(status)?.metadata.request_id ?? "";
}

function httpStatusOf(status: Status): number {
  const byReason = HTTP_STATUS_OF_REASON[infoOf(status)?.reason ?? ""];
  return byReason ?? (Object.hasOwn(HTTP_STATUS, status.code) ? HTTP_STATUS[status.code as Code] : 500);
}

function infoOf(status: Status): ErrorInfo | undefined {
  return find(status, ErrorInfoSchema);
}

function find<Schema extends DescMessage>(status: Status, schema: Schema): MessageShape<Schema> | undefined {
  for (const detail of status.details) {
    const message = anyUnpack(detail, schema);
    if (message !== undefined) return message;
  }
  return undefined;
}
