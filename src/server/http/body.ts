import { ExecutionError } from "../../errors.ts";
import { startBodyClock } from "../body-clock.ts";
import { type BodyCall, inflate } from "../inflate.ts";
import { type Exchange, letBodyCome } from "./exchange.ts";

/** How a body is framed: the message alone, or envelopes of a flag byte, four bytes of length, and a message. */
export type Framing = "whole" | "envelope";

/** Length of an envelope's head. */
export const ENVELOPE_HEAD_BYTES = 5;

/**
 * Reads a whole body, and no more of it than the call admits: a `content-length` or an envelope that announces too much is refused unread.
 * Throws MESSAGE_TOO_LARGE, OVERLOADED, DEADLINE (after `requestMs` unless it comes fast enough, or the call's own) and CANCELLED.
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
    const clock = startBodyClock(
      requestMs,
      () => size,
      () => settle(new ExecutionError("DEADLINE", `the request's body did not arrive within ${requestMs} ms`)),
    );
    const settle = (thrown?: unknown): void => {
      clock.stop();
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

/** Reads a whole body and undoes its `content-encoding`. Throws what `readBody` and `inflate` throw. */
export async function readInflated(exchange: Exchange, call: BodyCall, requestMs: number): Promise<Uint8Array> {
  return inflate(await readBody(exchange, call, requestMs), exchange.header("content-encoding"), call);
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
