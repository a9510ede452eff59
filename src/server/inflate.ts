import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ExecutionError } from "../errors.ts";
import type { ServerCall } from "./dispatcher.ts";
import { invalidBody } from "./read.ts";

const gunzipAsync = promisify(gunzip);

/** Deflate cannot make more than this many bytes of one. */
const MAX_INFLATION = 1032;

/** What reading a body needs of its call. */
export type BodyCall = Pick<ServerCall, "admitBytes" | "maxBytes" | "signal">;

/**
 * Undoes the compression of a body or an envelope: `gzip`, `identity` or none. What it may become is reserved before, so that bombs cost
 * neither memory nor a bound. Throws MESSAGE_TOO_LARGE, INVALID_FIELD, and UNIMPLEMENTED for other encodings.
 */
export async function inflate(bytes: Uint8Array, encoding: string | undefined, call: BodyCall): Promise<Uint8Array> {
  if (encoding === undefined || encoding === "" || encoding === "identity") return bytes;
  if (encoding !== "gzip") throw new ExecutionError("UNIMPLEMENTED", "requests may be compressed with gzip only");
  if (bytes.length === 0) return bytes;
  call.admitBytes(Math.min(call.maxBytes, bytes.length * MAX_INFLATION));
  try {
    const inflated = await gunzipAsync(bytes, { maxOutputLength: call.maxBytes });
    call.admitBytes(inflated.length);
    return inflated;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) throw thrown;
    if (typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE") {
      throw new ExecutionError(
        "MESSAGE_TOO_LARGE",
        `the message has more than ${call.maxBytes} bytes once decompressed`,
      );
    }
    throw invalidBody("the body is not gzip, though its encoding says so", thrown);
  }
}
