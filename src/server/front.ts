import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { ListenerSettings, TlsSettings } from "../config/config.ts";
import { startLate } from "./late.ts";

/** Where the front hands a connection once it knows its protocol. */
export interface Protocols {
  readonly http2: (socket: Socket) => void;
  /** Without it the port speaks HTTP/2 alone. */
  readonly http1?: (socket: Socket) => void;
}

/** What the front needs to know of the limits. */
export interface FrontLimits {
  readonly maxConnections: number;
  /** From the connection to its first bytes; with TLS to the end of the handshake. */
  readonly firstBytesMs: number;
}

/** First bytes of an HTTP/2 connection with prior knowledge (RFC 9113, 3.4). No method of HTTP/1.1 begins so. */
const HTTP2_PREFACE = Buffer.from("PRI", "latin1");

/** How often the kernel asks whether a silent peer is still there, in milliseconds. */
const KEEP_ALIVE_PROBE_MS = 30_000;

/**
 * Creates the server that owns a port. Where both are spoken, HTTP/1.1 and HTTP/2 are told apart by ALPN under TLS and else by the first bytes;
 * a connection that is silent for `firstBytesMs` is closed.
 */
export function createFront(tls: TlsSettings | undefined, limits: FrontLimits, protocols: Protocols): Server {
  const { http1, http2 } = protocols;
  const tcp = {
    // HTTP/1.1 takes a client that has sent all it wants to for one that still reads. HTTP/2 ends such connections itself.
    allowHalfOpen: http1 !== undefined,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
  };
  const server =
    tls === undefined
      ? createTcpServer(tcp, http1 === undefined ? http2 : (socket) => sniff(socket, limits.firstBytesMs, http1, http2))
      : createTls({ ...tcp, handshakeTimeout: limits.firstBytesMs }, tls, protocols);
  server.maxConnections = limits.maxConnections;
  return server;
}

function createTls(options: TlsOptions, tls: TlsSettings, { http1, http2 }: Protocols): Server {
  const secure = {
    ...options,
    cert: tls.certificate,
    key: tls.key.reveal(),
    ALPNProtocols: http1 === undefined ? ["h2"] : ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
  } as const;
  const serve = (socket: TLSSocket): void => {
    if (socket.alpnProtocol === "h2") http2(socket);
    else if (http1 === undefined) socket.destroy();
    else http1(socket);
  };
  return createTlsServer(secure, serve).on("tlsClientError", (_error, socket) => socket.destroy());
}

/** Binds a front. Rejects if the address cannot be bound. */
export async function listenOn(server: Server, { host, port }: ListenerSettings): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function sniff(
  socket: Socket,
  firstBytesMs: number,
  http1: (socket: Socket) => void,
  http2: (socket: Socket) => void,
): void {
  let head = Buffer.alloc(0);
  const silent = startLate(firstBytesMs, () => socket.destroy());
  const onGone = (): void => {
    silent.clear();
    socket.destroy();
  };
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    head = Buffer.concat([head, chunk]);
    const begins = head.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE.subarray(0, head.length));
    if (begins && head.length < HTTP2_PREFACE.length) return;
    silent.clear();
    socket.off("readable", onReadable).off("end", onGone).off("error", onGone).off("close", onGone);
    socket.unshift(head);
    if (begins) http2(socket);
    else http1(socket);
  };
  socket.on("readable", onReadable).on("end", onGone).on("error", onGone).on("close", onGone);
}
