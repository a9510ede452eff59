import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ExecutionError } from "../../errors.ts";
import type { ServerCall } from "../dispatcher.ts";
import { type Exchange, letBodyCome } from "./exchange.ts";

const gunzipAsync = promisify(gunzip);

/** Deflate cannot make more than this many bytes of one. */
const MAX_INFLATION = 1032;

/** What reading a body needs of its call. */
export type BodyCall = Pick<ServerCall, "admitBytes" | "maxBytes" | "signal">;

/** How a body is framed: the message alone, or envelopes of a flag byte, four bytes of length, and a message. */
export type Framing = "whole" | "envelope";

/** Length of an envelope's head. */
export const ENVELOPE_HEAD_BYTES = 5;

/**
 * Reads a whole body, and no more of it than the call admits: a `content-length` or an envelope that announces too much is refused unread.
 * Throws MESSAGE_TOO_LARGE, OVERLOADED, DEADLINE (after `requestMs`, or the call's own) and CANCELLED.
 */
export async function readBody(
  exchange: Exchange,
  call: BodyCall,
  requestMs: number,
  framing: Framing = "whole",
): Promise<Uint8Array> {
  const { request, header } = exchange;
  const overhead = framing === "envelope" ? ENVELOPE_HEAD_BYTES : 0;
  refuseTooLarge(Number(header("content-length") ?? 0) - overhead, call);
  letBodyCome(exchange);
  const chunks: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => settle(new ExecutionError("DEADLINE", `the request's body did not arrive within ${requestMs} ms`)),
      requestMs,
    );
    const settle = (thrown?: unknown): void => {
      clearTimeout(late);
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      call.signal.removeEventListener("abort", onAbort);
      if (thrown === undefined) resolve(joinChunks(chunks));
      else reject(thrown);
    };
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length;
      chunks.push(chunk);
      try {
        if (chunks.length === 1) refuseTooLarge(announced(chunk, framing), call);
        call.admitBytes(Math.max(0, size - overhead));
      } catch (thrown) {
        settle(thrown);
      }
    };
    const onEnd = (): void => settle();
    const onGone = (): void => settle(new ExecutionError("CANCELLED", "the caller left before its request was read"));
    const onAbort = (): void => settle(call.signal.reason);
    if (call.signal.aborted) return onAbort();
    call.signal.addEventListener("abort", onAbort, { once: true });
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

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

/** INVALID_FIELD about the body as a whole. */
export function invalidBody(description: string, cause?: unknown): ExecutionError {
  return new ExecutionError("INVALID_FIELD", description, { fields: [{ field: "", description }], cause });
}

/** What the first envelope says of its length, as far as it has arrived. */
function announced(head: Uint8Array, framing: Framing): number {
  if (framing === "whole" || head.length < ENVELOPE_HEAD_BYTES) return 0;
  return new DataView(head.buffer, head.byteOffset).getUint32(1);
}

/** What is announced is only refused, never reserved: else a lie about it could take the room of others. */
function refuseTooLarge(size: number, call: BodyCall): void {
  if (size > call.maxBytes) call.admitBytes(size);
}

function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}
