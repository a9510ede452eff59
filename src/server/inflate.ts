import { createGunzip } from "node:zlib";
import { ExecutionError } from "../errors.ts";
import { createBodyBytes } from "./body-bytes.ts";
import type { ServerCall } from "./dispatcher.ts";
import { invalidBody } from "./read.ts";
import type { Scan } from "./scan.ts";
import { createSlots } from "./slots.ts";

/** How much longer than its compressed form a body may be: JSON and text come to some 20 times, repetitive text to 50. */
const MAX_RATIO = 100;

/** Length up to which the ratio is not asked for. */
const ALWAYS_BYTES = 1024 * 1024;

/** What is inflated at a time: a large body takes many turns of the event loop, each of them short. */
const PIECE_BYTES = 64 * 1024;

/** Bodies that are inflated at once: each may hold its method's whole limit and keeps a processor busy, and the others wait. */
const slots = createSlots(1);

/** What reading a body needs of its call. */
export type BodyCall = Pick<ServerCall, "admitBytes" | "maxBytes" | "signal">;

/**
 * Undoes the compression of a body or an envelope: `gzip`, `identity` or none. What it may become is reserved before, bounded by its length, and
 * bodies are inflated one after the other, a piece at a time, each of which is scanned; so that bombs cost neither memory nor a bound. Throws
 * MESSAGE_TOO_LARGE, INVALID_FIELD, and UNIMPLEMENTED for other encodings.
 */
export async function inflate(
  bytes: Uint8Array,
  encoding: string | undefined,
  call: BodyCall,
  scan?: Scan,
): Promise<Uint8Array> {
  if (encoding === undefined || encoding === "" || encoding === "identity") return bytes;
  if (encoding !== "gzip") throw new ExecutionError("UNIMPLEMENTED", "requests may be compressed with gzip only");
  if (bytes.length === 0) return bytes;
  const most = Math.min(call.maxBytes, Math.max(ALWAYS_BYTES, bytes.length * MAX_RATIO));
  const leave = await slots.enter(call.signal);
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  try {
    call.admitBytes(most);
    const body = createBodyBytes(scan);
    gunzip.end(bytes);
    for await (const piece of gunzip) {
      call.signal.throwIfAborted();
      if (body.size() + piece.length > most)
        throw new ExecutionError("MESSAGE_TOO_LARGE", tooLarge(most, call.maxBytes));
      body.add(piece);
    }
    call.admitBytes(body.size());
    return body.take();
  } catch (thrown) {
    if (thrown instanceof ExecutionError) throw thrown;
    throw invalidBody("the body is not gzip, though its encoding says so", thrown);
  } finally {
    gunzip.destroy();
    leave();
  }
}

function tooLarge(most: number, maxBytes: number): string {
  if (most === maxBytes) return `the message has more than ${maxBytes} bytes once decompressed`;
  return `the message is more than ${MAX_RATIO} times as long once decompressed`;
}
