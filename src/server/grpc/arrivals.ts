import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Metadata } from "@grpc/grpc-js";
import { createKeyedRoster } from "../../roster.ts";
import type { HeaderLookup } from "../auth.ts";
import { type Connections, STREAM_CREATED } from "../connections.ts";
import { holdStreams } from "../hold.ts";
import { type AskedTimeout, readTimeout } from "../timeout.ts";

/** Carries the number of an arrival through grpc-js. What a caller sends under this name is overwritten. */
const NUMBER_HEADER = "x-execution-platform-arrival";

/** Path under which grpc-js is given the calls of methods there are not, so that they get our error. */
export const UNKNOWN_METHOD = "/unknown";

/** A call as it arrived, before grpc-js read its headers. */
export interface Arrival {
  readonly stream: ServerHttp2Stream;
  /** Path as it was sent. */
  readonly path: string;
  readonly header: HeaderLookup;
  /** The caller's deadline. */
  readonly timeout: AskedTimeout;
  /** Compression of the request's message. */
  readonly encoding: string | undefined;
}

/** The calls that have arrived on one listener. */
export interface Arrivals {
  /** The arrival that the metadata of a grpc-js call belong to. */
  take(metadata: Metadata): Arrival | undefined;
  close(): void;
}

/**
 * Sees each call before grpc-js does, and takes from its headers what grpc-js would answer without details or wrongly: `grpc-timeout` (a long
 * one overflows its timer and fires at once, a malformed one is half read), `grpc-encoding`, and paths it has no handler for. grpc-js hides
 * its HTTP/2 server; this channel is the only way to it.
 *
 * @param connections of the listener: the channel shows those of every server of the process.
 * @param ownPaths that are ours to serve.
 * @param otherPaths that grpc-js serves alone.
 */
export function watchArrivals(
  connections: Pick<Connections, "of">,
  ownPaths: ReadonlySet<string>,
  otherPaths: ReadonlySet<string>,
): Arrivals {
  const arrivals = createKeyedRoster<Arrival>();
  const held = new WeakSet<Http2Session>();
  let count = 0;

  const onCreated = (message: unknown): void => {
    const { stream, headers } = message as { stream: ServerHttp2Stream; headers: IncomingHttpHeaders };
    const { session } = stream;
    if (session === undefined || connections.of(session) === undefined) return;
    // By the time of its first stream grpc-js listens.
    if (!held.has(session)) holdStreams(session);
    held.add(session);
    if (!isGrpc(headers["content-type"])) return;
    const header: HeaderLookup = (name) => textOf(headers[name]);
    const path = headers[":path"] ?? "";
    const timeout = readTimeout(header, "grpc-timeout");
    const encoding = header("grpc-encoding");
    delete headers["grpc-timeout"];
    delete headers["grpc-encoding"];
    if (!(otherPaths.has(path) || ownPaths.has(path))) headers[":path"] = UNKNOWN_METHOD;
    count = (count + 1) % Number.MAX_SAFE_INTEGER;
    const number = String(count);
    headers[NUMBER_HEADER] = number;
    arrivals.add(number, { stream, path, header, timeout, encoding });
    // grpc-js never begins one that was reset in the same read.
    stream.once("close", () => {
      arrivals.remove(number);
      // The session's own map has such tables too. What listened to the stream is what belongs to the call; this event still reaches it.
      stream.removeAllListeners();
    });
  };

  subscribe(STREAM_CREATED, onCreated);
  return {
    take: (metadata) => arrivals.remove(String(metadata.get(NUMBER_HEADER)[0])),
    close: () => {
      unsubscribe(STREAM_CREATED, onCreated);
    },
  };
}

/** The content types grpc-js takes; it answers others with HTTP status 415. */
function isGrpc(contentType: string | undefined): boolean {
  return contentType?.startsWith("application/grpc") === true;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
