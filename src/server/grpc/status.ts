import { toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { cutText } from "../../contract/error-details.ts";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.js";

/** How grpc-js takes the end of a call. */
export interface StatusObject {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Most bytes of all trailers together, as HTTP/2 counts a header list: above it grpcio loses the status. */
export const MAX_TRAILER_BYTES = 7 * 1024;

/**
 * What the rest takes: `:status`, `content-type` and `date`, which stand beside the trailers if there are no other headers, `grpc-status`, the
 * names of the message and the details, and the 32 bytes HTTP/2 counts for each field.
 */
const FIXED_BYTES = 320;

/**
 * A status as trailers: code, message, and the whole google.rpc.Status in `grpc-status-details-bin`. The message is cut where, percent-encoded
 * (a byte becomes up to three), it would take the trailers over MAX_TRAILER_BYTES; in the details it is whole.
 */
export function statusObject(status: Status): StatusObject {
  const details = toBinary(StatusSchema, status);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(details.buffer, details.byteOffset, details.length));
  const room = MAX_TRAILER_BYTES - FIXED_BYTES - 4 * Math.ceil(details.length / 3);
  return { code: status.code, details: cutMessage(status.message, room), metadata };
}

/** The status of success. */
export const OK: StatusObject = Object.freeze({ code: 0, details: "OK", metadata: new Metadata() });

function cutMessage(message: string, room: number): string {
  // grpc-js encodes with encodeURI, which throws on half a surrogate pair.
  const text = message.toWellFormed();
  return encodeURI(text).length <= room ? text : cutText(text, Math.max(16, Math.floor(room / 3)));
}
