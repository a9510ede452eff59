import type { Socket } from "node:net";
import type { buildConnector } from "undici";

/** What opens the connections of a client. */
export interface ConnectorOptions {
  readonly connectMs: number;
  /** Certificate authorities, PEM text, instead of the system's. */
  readonly certificateAuthorities?: string;
}

/** Most bytes that are taken off a socket at once, and that wait in it before no more are asked for. undici would let four times as much wait. */
const SOCKET_READ_BYTES = 16 * 1024;

/**
 * Makes undici's connector: HTTP/2 is preferred where the server offers it under TLS, and what a socket has read and undici has not parsed is bounded.
 *
 * @param build undici's own, which is loaded with the first request.
 */
export function createConnector(
  build: typeof buildConnector,
  { connectMs, certificateAuthorities }: ConnectorOptions,
): buildConnector.connector {
  const connect = build({
    timeout: connectMs,
    allowH2: true,
    preferH2: true,
    // undici's types do not name it.
    ...{ highWaterMark: SOCKET_READ_BYTES },
    ...(certificateAuthorities !== undefined && { ca: certificateAuthorities }),
  });
  return (options, callback) =>
    connect(options, (...result) => {
      if (result[0] === null) takeInPieces(result[1]);
      callback(...result);
    });
}

/**
 * Makes `read()` give a piece at a time. undici takes all there is, by which it asks for the next 64 KiB before it knows whether the reader of the
 * answer wants them: with a reader that is slow, those would wait as well. What a socket had when it broke is given at once, as undici asks once.
 */
function takeInPieces(socket: Socket): void {
  const read = socket.read.bind(socket);
  socket.read = (size) => read(size ?? (hasMore(socket) ? SOCKET_READ_BYTES : undefined));
}

function hasMore({ destroyed, readableLength }: Socket): boolean {
  return !destroyed && readableLength > SOCKET_READ_BYTES;
}
