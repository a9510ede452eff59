import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ErrorExtras, ExecutionError, type Reason } from "../../../errors.ts";
import { type ChatFailure, ChatFailureSchema } from "../../../gen/execution/v1/errors_pb.js";
import { GetStreamResponseSchema } from "../../../gen/execution/v1/streams_pb.js";
import { describeStream } from "../describe.ts";
import type { Ended, StreamHead, StreamStatus } from "../ended.ts";

/** How an error is kept: everything that is told of it, nothing that is for the log. */
interface KeptError {
  readonly reason: Reason;
  readonly message: string;
  readonly extras: Omit<ErrorExtras, "failure" | "cause">;
  readonly failure?: string;
}

/** Writes what is known of a stream from its beginning. */
export function headText(head: StreamHead): string {
  return JSON.stringify(head);
}

export function readHead(text: string): StreamHead {
  return JSON.parse(text) as StreamHead;
}

/** Writes how a stream ended. */
export function endedText({ endedAtMs, error }: Ended): string {
  if (error === undefined) return JSON.stringify({ endedAtMs });
  const { failure, cause: _cause, ...extras } = error.extras;
  const kept: KeptError = {
    reason: error.reason,
    message: error.message,
    extras,
    ...(failure === undefined ? {} : { failure: failureText(failure) }),
  };
  return JSON.stringify({ endedAtMs, error: kept });
}

export function readEnded(text: string): Ended {
  const { endedAtMs, error } = JSON.parse(text) as { readonly endedAtMs: number; readonly error?: KeptError };
  if (error === undefined) return { endedAtMs };
  const { reason, message, extras, failure } = error;
  const details = failure === undefined ? {} : { failure: readFailure(failure) };
  return { endedAtMs, error: new ExecutionError(reason, message, { ...extras, ...details }) };
}

/** Writes what a call has done. */
export function failureText(failure: ChatFailure): string {
  return Buffer.from(toBinary(ChatFailureSchema, failure)).toString("base64");
}

export function readFailure(text: string): ChatFailure {
  return fromBinary(ChatFailureSchema, Buffer.from(text, "base64"));
}

/** Encodes how a stream stands. */
export function statusBytes(head: StreamHead, status: StreamStatus): Buffer {
  return Buffer.from(toBinary(GetStreamResponseSchema, describeStream(head, status)));
}

/** Reads how a stream stands; `ended` is said beside it. */
export function readStatus(bytes: Uint8Array | undefined, ended: Ended | undefined): StreamStatus {
  const { attempts, usage, costNanoUsd, lastSequence, finishReason } = fromBinary(
    GetStreamResponseSchema,
    bytes ?? new Uint8Array(),
  );
  return {
    attempts,
    lastSequence,
    ...(usage === undefined ? {} : { usage }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    ...(ended === undefined ? {} : { ended }),
    ...(ended === undefined || ended.error !== undefined ? {} : { finishReason }),
  };
}
