import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { holdStreams } from "../hold.ts";
import { startLate } from "../late.ts";
import type { TransportLimits } from "./limits.ts";

/** Window of each stream: what a client may send ahead of our reading. */
const WINDOW_BYTES = 65_535;

/** The HTTP/2 server behind the front, and its sessions. */
export interface Http2 {
  readonly server: Http2Server;
  /** Lets every session end once its streams have. */
  closeSessions(): void;
}

/**
 * Creates the HTTP/2 server behind the front. It has no port of its own: connections are emitted to it. A session without a request is closed
 * after a while.
 */
export function createHttp2(
  maxStreams: number,
  limits: TransportLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Http2 {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    maxSessionMemory: limits.maxSessionMemoryMb,
    maxHeaderListPairs: limits.maxHeaders,
    maxSessionInvalidFrames: limits.maxInvalidFrames,
    maxSessionRejectedStreams: limits.maxRejectedStreams,
    streamResetBurst: limits.maxResets,
    streamResetRate: limits.resetsPerSecond,
    unknownProtocolTimeout: limits.headersMs,
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      initialWindowSize: WINDOW_BYTES,
      enablePush: false,
    },
  });
  // A client that will never send a frame again cannot take one either: it could not even open its window. Without this its streams stay.
  server.on("connection", (socket) => socket.once("end", () => socket.destroy()));
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    holdStreams(session);
    watchIdleness(session, limits);
  });
  server.on("sessionError", (_error, session) => session.destroy());
  server.on("request", (request, response) => {
    // Node documents the compatibility API as the same as HTTP/1.1's; its types are separate.
    onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  return {
    server,
    closeSessions: () => {
      for (const session of sessions) session.close();
    },
  };
}

function watchIdleness(session: ServerHttp2Session, limits: TransportLimits): void {
  let open = 0;
  const unused = startLate(limits.headersMs, () => session.destroy());
  session.once("close", unused.clear);
  session.on("stream", (stream) => {
    unused.clear();
    open += 1;
    stream.once("close", () => {
      open -= 1;
    });
  });
  session.setTimeout(limits.idleMs, () => {
    if (open === 0) session.close();
  });
}
