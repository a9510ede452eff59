import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ExecutionError } from "../errors.ts";
import type { ServerCall } from "./dispatcher.ts";
import { invalidBody } from "./read.ts";

const gunzipAsync = promisify(gunzip);

/** How much longer than its compressed form a body may be: JSON and text come to some 20 times, repetitive text to 50. */
const MAX_RATIO = 100;

/** Length up to which the ratio is not asked for. */
const ALWAYS_BYTES = 1024 * 1024;

/** Bodies that are inflated at once: each may hold its method's whole limit and keeps a processor busy, and the others wait. */
const slots = createSlots(1);

/** What reading a body needs of its call. */
export type BodyCall = Pick<ServerCall, "admitBytes" | "maxBytes" | "signal">;

/**
 * Undoes the compression of a body or an envelope: `gzip`, `identity` or none. What it may become is reserved before, bounded by its length, and
 * bodies are inflated one after the other, so that bombs cost neither memory nor a bound. Throws MESSAGE_TOO_LARGE, INVALID_FIELD, and UNIMPLEMENTED
 * for other encodings.
 */
export async function inflate(bytes: Uint8Array, encoding: string | undefined, call: BodyCall): Promise<Uint8Array> {
  if (encoding === undefined || encoding === "" || encoding === "identity") return bytes;
  if (encoding !== "gzip") throw new ExecutionError("UNIMPLEMENTED", "requests may be compressed with gzip only");
  if (bytes.length === 0) return bytes;
  const most = Math.min(call.maxBytes, Math.max(ALWAYS_BYTES, bytes.length * MAX_RATIO));
  const leave = await slots.enter(call.signal);
  try {
    call.admitBytes(most);
    const inflated = await gunzipAsync(bytes, { maxOutputLength: most });
    call.admitBytes(inflated.length);
    return inflated;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) throw thrown;
    if (typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE") {
      throw new ExecutionError("MESSAGE_TOO_LARGE", tooLarge(most, call.maxBytes));
    }
    throw invalidBody("the body is not gzip, though its encoding says so", thrown);
  } finally {
    leave();
  }
}

function tooLarge(most: number, maxBytes: number): string {
  if (most === maxBytes) return `the message has more than ${maxBytes} bytes once decompressed`;
  return `the message is more than ${MAX_RATIO} times as long once decompressed`;
}

/** A number of places to work in; who finds none waits in line. */
function createSlots(count: number): { enter(signal: AbortSignal): Promise<() => void> } {
  let free = count;
  const waiting = new Set<() => void>();
  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else next();
  };
  return {
    enter: async (signal) => {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return leave;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const giveUp = (): void => {
        if (waiting.delete(take)) reject(signal.reason);
      };
      const take = (): void => {
        waiting.delete(take);
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      waiting.add(take);
      signal.addEventListener("abort", giveUp, { once: true });
      await promise;
      return leave;
    },
  };
}
