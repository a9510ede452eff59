import { ExecutionError } from "../../errors.ts";
import { createBodyBytes, LARGE_BYTES } from "../body-bytes.ts";
import { startBodyClock } from "../body-clock.ts";
import type { ServerCall } from "../dispatcher.ts";
import { type BodyCall, inflate } from "../inflate.ts";
import type { Scan } from "../scan.ts";
import { type Exchange, letBodyCome } from "./exchange.ts";
import { holdPiece } from "./pace.ts";

/** How a body is framed: the message alone, or envelopes of a flag byte, four bytes of length, and a message. */
export type Framing = "whole" | "envelope";

/** Length of an envelope's head. */
export const ENVELOPE_HEAD_BYTES = 5;

/** How a body is read. */
export interface BodyReading {
  readonly requestMs: number;
  readonly framing: Framing;
  /** Checks what comes, unless it is compressed. */
  readonly scan: Scan;
  readonly compressed: boolean;
}

/**
 * Reads a whole body, and no more of it than the call admits: a `content-length` or an envelope that announces too much is refused unread. A large
 * one is scanned as it comes. Throws MESSAGE_TOO_LARGE, OVERLOADED, DEADLINE (after `requestMs` unless it comes fast enough, or the call's own),
 * CANCELLED, and what the scan throws.
 */
export async function readBody(exchange: Exchange, call: BodyCall, reading: BodyReading): Promise<Uint8Array> {
  const { request, header } = exchange;
  const { requestMs, framing } = reading;
  const overhead = framing === "envelope" ? ENVELOPE_HEAD_BYTES : 0;
  refuseTooLarge(Number(header("content-length") ?? 0) - overhead, call);
  letBodyCome(exchange);
  let scanning = false;
  const body = createBodyBytes((piece) => {
    if (scanning) reading.scan(piece);
    else if (!isCompressed(piece, reading)) reading.scan(piece.subarray(overhead));
    else return;
    scanning = true;
  });
  return new Promise((resolve, reject) => {
    const clock = startBodyClock(requestMs, body.size, () =>
      settle(new ExecutionError("DEADLINE", `the request's body did not arrive within ${requestMs} ms`)),
    );
    let settled = false;
    const settle = (thrown?: unknown): void => {
      settled = true;
      clock.stop();
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      call.signal.removeEventListener("abort", onAbort);
      if (thrown === undefined) resolve(body.take());
      else reject(thrown);
    };
    const onData = (chunk: Uint8Array): void => {
      try {
        if (body.size() === 0) refuseTooLarge(announced(chunk, framing), call);
        call.admitBytes(Math.max(0, body.size() + chunk.length - overhead));
        body.add(chunk);
      } catch (thrown) {
        settle(thrown);
        return;
      }
      if (body.size() > LARGE_BYTES) holdPiece(request, () => !settled);
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
export async function readInflated(
  exchange: Exchange,
  call: BodyCall & Pick<ServerCall, "scan">,
  requestMs: number,
): Promise<Uint8Array> {
  const encoding = exchange.header("content-encoding");
  const scan = call.scan("json");
  const compressed = encoding !== undefined && encoding !== "identity";
  const bytes = await readBody(exchange, call, { requestMs, framing: "whole", scan, compressed });
  return inflate(bytes, encoding, call, scan);
}

/** Whether what begins so is compressed: an envelope says it of itself. */
function isCompressed(head: Uint8Array, { framing, compressed }: BodyReading): boolean {
  return framing === "envelope" ? head[0] !== 0 : compressed;
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
