import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { TransportLimits } from "./transport.ts";

/** Node's channel on which every connection a server of the process accepts is shown. */
const CHANNEL = "net.server.socket";

/** The TCP connections of one listener. */
export interface Connections {
  /** Closes all at once, those too whose TLS handshake is not done, of which grpc-js knows nothing. */
  destroyAll(): void;
  close(): void;
}

/**
 * Sees the connections under grpc-js, which hides its server: drops those above `maxConnections`, and those that have not said anything within
 * `firstBytesMs`. An unfinished TLS handshake is ended by Node after two minutes.
 *
 * @param port of the listener; undefined until it is bound.
 */
export function watchConnections(
  port: () => number | undefined,
  { maxConnections, firstBytesMs }: Pick<TransportLimits, "maxConnections" | "firstBytesMs">,
): Connections {
  const sockets = new Set<Socket>();

  const onConnection = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort !== port()) return;
    if (sockets.size >= maxConnections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    const silent = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, firstBytesMs);
    socket.once("close", () => {
      clearTimeout(silent);
      sockets.delete(socket);
    });
  };

  subscribe(CHANNEL, onConnection);
  return {
    destroyAll: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      unsubscribe(CHANNEL, onConnection);
    },
  };
}
