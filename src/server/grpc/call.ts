import { constants, type ServerHttp2Stream } from "node:http2";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Metadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { encodeFrames, framesOf } from "../../contract/frames.ts";
import { ExecutionError } from "../../errors.ts";
import type { Status } from "../../gen/google/rpc/status_pb.js";
import { LARGE_BYTES } from "../body-bytes.ts";
import { type BodyClock, startBodyClock } from "../body-clock.ts";
import type { Dispatcher, ServerCall } from "../dispatcher.ts";
import { inflate } from "../inflate.ts";
import { startLate } from "../late.ts";
import { invalidBody } from "../read.ts";
import type { Scan } from "../scan.ts";
import type { Arrival } from "./arrivals.ts";
import { closeLater } from "./close-later.ts";
import { createPrefixReader, type MessagePrefix } from "./frames.ts";
import { OK, statusObject } from "./status.ts";
import type { TransportLimits } from "./transport.ts";

/** How long the router may take to say what a call that was given up had done, before the status is sent without it. */
const LAST_WORDS_MS = 10;

/** The same where the process stops, which ends all of its calls at once while their callers have time: the ledger has a row of each to write. */
const STOPPING_WORDS_MS = 500;

/** Most bytes of one write: a reader that takes a large message slowly is seen to take it. */
const PIECE_BYTES = 65_536;

/** Compressions a request may use, for the response headers; grpc-js alone would name more. */
const RESPONSE_HEADERS = new Metadata();
RESPONSE_HEADERS.set("grpc-accept-encoding", "identity,gzip");

/** One call of an RPC on the wire. */
export interface GrpcCall {
  readonly method: DescMethod;
  readonly arrival: Arrival;
  readonly wire: ServerInterceptingCallInterface;
}

/** What comes of a call after its headers. */
export interface RequestEvents {
  message(bytes: Uint8Array): void;
  /** The caller has sent all it will. */
  end(): void;
  /** The caller has left, or has its status. */
  cancel(): void;
}

/** What serving a call needs. */
export interface CallDeps {
  readonly dispatcher: Dispatcher;
  readonly transport: TransportLimits;
}

/**
 * Serves one call from its headers to its status: the dispatcher begins it before anything of the body is read, the body is bounded while it
 * arrives, and each array of responses goes out as one write, the next being asked for when the stream takes more. Whatever ends the call
 * (the responses' end, an error, the caller, the deadline, a drain) it gets one status, and the responses' iterator is closed.
 */
export function serveCall({ method, arrival, wire }: GrpcCall, { dispatcher, transport }: CallDeps): RequestEvents {
  const { stream } = arrival;
  let call: ServerCall | undefined;
  let prefix: MessagePrefix | undefined;
  let scan: Scan | undefined;
  let body: Uint8Array | undefined;
  let running = false;
  let requestEnded = false;
  let ended = false;
  let clock: BodyClock | undefined;
  let lastWords: NodeJS.Timeout | undefined;
  let wake: (() => void) | undefined;

  const finish = (status: Status | undefined): void => {
    if (ended) return;
    ended = true;
    clearTimeout(lastWords);
    clock?.stop();
    call?.end();
    wire.sendStatus(status === undefined ? OK : statusObject(status));
    if (!requestEnded) discardRest(stream);
    closeLater(stream, requestEnded ? transport.stallMs : transport.lingerMs);
  };
  const fail = (thrown: unknown): void => finish((call ?? dispatcher).status(thrown));
  const attempt = (action: () => void): void => {
    try {
      if (!ended) action();
    } catch (thrown) {
      fail(thrown);
    }
  };

  const begin = (): ServerCall => {
    const { timeoutMs, problem } = arrival.timeout;
    const begun = dispatcher.begin({
      method,
      header: arrival.header,
      host: wire.getHost(),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    call = begun;
    if (problem !== undefined) throw problem;
    const lastWordsMs = Math.min(LAST_WORDS_MS, (timeoutMs ?? Number.POSITIVE_INFINITY) / 4);
    const giveUp = (): void => fail(begun.signal.reason);
    const onAbort = (): void => {
      const isStopping = begun.signal.reason instanceof ExecutionError && begun.signal.reason.reason === "INTERRUPTED";
      if (running) lastWords = setTimeout(giveUp, isStopping ? STOPPING_WORDS_MS : lastWordsMs);
      else giveUp();
    };
    begun.signal.addEventListener("abort", onAbort, { once: true });
    return begun;
  };

  const readBody = (begun: ServerCall): void => {
    let received = 0;
    const { requestMs } = transport;
    clock = startBodyClock(
      requestMs,
      () => received,
      () => fail(new ExecutionError("DEADLINE", `the request did not arrive within ${requestMs} ms`)),
    );
    const readPrefix = (next: MessagePrefix): void => {
      if (prefix !== undefined) throw invalidBody(`${method.name} takes one message`);
      if (next.flag > 1) throw invalidBody("the message's first byte must say whether it is compressed, 0 or 1");
      if (next.size > begun.maxBytes) begun.admitBytes(next.size);
      prefix = next;
      scan = next.flag === 1 || next.size > LARGE_BYTES ? begun.scan("binary") : undefined;
    };
    const readMessage = createPrefixReader(readPrefix, (piece) => {
      if (prefix?.flag === 0) scan?.(piece);
    });
    // Before grpc-js gets them, whose own refusal of large messages has no details.
    stream.prependListener("data", (chunk: Uint8Array) => {
      attempt(() => {
        received += chunk.length;
        begun.admitBytes(Math.min(received, begun.maxBytes));
        readMessage(chunk);
      });
    });
    wire.startRead();
  };

  const decode = async (begun: ServerCall, bytes: Uint8Array): Promise<Message> => {
    const inflated = prefix?.flag === 1 ? await inflate(bytes, arrival.encoding, begun, scan) : bytes;
    begun.admitBytes(inflated.length);
    return begun.decode(inflated, "binary");
  };
  const respond = async (begun: ServerCall, request: Promise<Message>): Promise<void> => {
    for await (const responses of await begun.run(await request)) {
      if (ended) return;
      // A call that is given up is still asked for its error, which says what was done and used.
      if (begun.signal.aborted) continue;
      wire.sendMetadata(RESPONSE_HEADERS);
      const frames = framesOf(responses) ?? encodeFrames(method.output, responses);
      for (let at = 0; at < frames.length; at += PIECE_BYTES) {
        stream.write(frames.subarray(at, at + PIECE_BYTES), onTaken);
        while (mustWait() && !begun.signal.aborted) await taken(begun.signal);
      }
    }
    begun.signal.throwIfAborted();
  };
  const onTaken = (): void => wake?.();
  // Node's own mark would let four times as much wait for each reader that is slow.
  const mustWait = (): boolean => !stream.destroyed && stream.writableLength >= transport.maxWaitingBytes;
  const taken = (signal: AbortSignal): Promise<void> =>
    nextWrite(stream, signal, transport.stallMs, (listener) => {
      wake = listener;
    });

  attempt(() => readBody(begin()));
  return {
    message: (bytes) => {
      body = bytes;
      wire.startRead();
    },
    end: () => {
      requestEnded = true;
      clock?.stop();
      attempt(() => {
        if (call === undefined || body === undefined)
          throw invalidBody(`${method.name} takes one message; none was sent`);
        running = true;
        const request = decode(call, body);
        // It is a slice of a large read, which a call that waits for its reader must not keep alive.
        body = undefined;
        respond(call, request).then(() => finish(undefined), fail);
      });
    },
    cancel: () => {
      if (!ended) call?.cancel();
    },
  };
}

/** Waits until the stream has taken a write, is closed, or the call is given up. A caller that takes nothing for `stallMs` is cut off. */
function nextWrite(
  stream: ServerHttp2Stream,
  signal: AbortSignal,
  stallMs: number,
  onWrite: (listener: (() => void) | undefined) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = startLate(stallMs, () => stream.close(constants.NGHTTP2_CANCEL));
  const settle = (): void => {
    stalled.clear();
    onWrite(undefined);
    stream.off("close", settle);
    signal.removeEventListener("abort", settle);
    resolve();
  };
  onWrite(settle);
  stream.once("close", settle);
  signal.addEventListener("abort", settle, { once: true });
  return promise;
}

/** Throws away what still comes of a request that was answered: grpc-js would go on gathering its message. */
function discardRest(stream: ServerHttp2Stream): void {
  stream.removeAllListeners("data").resume();
}
