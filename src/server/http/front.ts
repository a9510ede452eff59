import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { TlsSettings } from "../../config/config.ts";
import type { TransportLimits } from "./limits.ts";

/** Where the front hands a connection once it knows its protocol. */
export interface Protocols {
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}

/** First bytes of an HTTP/2 connection with prior knowledge (RFC 9113, 3.4). No method of HTTP/1.1 begins so. */
const HTTP2_PREFACE = Buffer.from("PRI", "latin1");

/** How often the kernel asks whether a silent peer is still there, in milliseconds. */
const KEEP_ALIVE_PROBE_MS = 30_000;

/**
 * Creates the server that owns the port: HTTP/1.1 and HTTP/2 on one, told apart by ALPN under TLS and else by the first bytes. A connection
 * that is silent for `firstBytesMs` is closed.
 */
export function createFront(tls: TlsSettings | undefined, limits: TransportLimits, protocols: Protocols): Server {
  const tcp = {
    // HTTP/1.1 takes a client that has sent all it wants to for one that still reads. HTTP/2 ends such connections itself.
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
  };
  const server =
    tls === undefined
      ? createTcpServer(tcp, (socket) => sniff(socket, limits.firstBytesMs, protocols))
      : createTlsServer(
          {
            ...tcp,
            cert: tls.certificate,
            key: tls.key.reveal(),
            ALPNProtocols: ["h2", "http/1.1"],
            minVersion: "TLSv1.2",
            handshakeTimeout: limits.firstBytesMs,
          },
          (socket) => (socket.alpnProtocol === "h2" ? protocols.http2(socket) : protocols.http1(socket)),
        ).on("tlsClientError", (_error, socket) => socket.destroy());
  server.maxConnections = limits.maxConnections;
  return server;
}

function sniff(socket: Socket, firstBytesMs: number, protocols: Protocols): void {
  let head = Buffer.alloc(0);
  const silent = setTimeout(() => socket.destroy(), firstBytesMs);
  const onGone = (): void => {
    clearTimeout(silent);
    socket.destroy();
  };
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    head = Buffer.concat([head, chunk]);
    const begins = head.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE.subarray(0, head.length));
    if (begins && head.length < HTTP2_PREFACE.length) return;
    clearTimeout(silent);
    socket.off("readable", onReadable).off("end", onGone).off("error", onGone).off("close", onGone);
    socket.unshift(head);
    if (begins) protocols.http2(socket);
    else protocols.http1(socket);
  };
  socket.on("readable", onReadable).on("end", onGone).on("error", onGone).on("close", onGone);
}
