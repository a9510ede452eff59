import { type Code, ConnectError } from "@connectrpc/connect";
import { cutText } from "../../contract/error-details.ts";
import type { Status } from "../../gen/google/rpc/status_pb.js";
import { errorObject } from "./problem.ts";
import type { RpcWire } from "./rpc-wire.ts";

/** Most bytes of a `grpc-message`, percent-encoded: with the status's details of 4 KiB in base64 the trailers stay below 7 KiB. */
const MAX_ENCODED_MESSAGE = 1536;

/**
 * Writes a status as Connect's error. Its details go on the wire as they are; Connect's JSON has them in readable form beside it (`debug`).
 * Where the message travels in a trailer it is cut to what trailers hold.
 */
export function toConnectError(status: Status, wire: Pick<RpcWire, "protocol">): ConnectError {
  const message = wire.protocol === "connect" ? status.message : cutEncoded(status.message);
  const error = new ConnectError(message, status.code as number as Code);
  const readable = errorObject(status).details;
  error.details = status.details.map(({ typeUrl, value }, index) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
    ...(readable[index] === undefined ? {} : { debug: readable[index] }),
  }));
  return error;
}

/** Cuts text until its percent-encoded form fits. */
function cutEncoded(text: string): string {
  let cut = text.toWellFormed();
  while (encodeURIComponent(cut).length > MAX_ENCODED_MESSAGE) {
    cut = cutText(cut, Math.floor(Buffer.byteLength(cut) * 0.75));
  }
  return cut;
}
