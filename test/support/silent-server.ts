import { createServer, type Socket } from "node:net";

/** A server that accepts connections and never says a word, so that no handshake with it ends. */
export interface SilentServer {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** How many connections it has accepted. */
  connections(): number;
  /** Breaks off its connections and closes its port. */
  close(): Promise<void>;
}

/** Starts the server on a free port. */
export async function startSilentServer(): Promise<SilentServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    // What is sent is taken, so that whoever leaves is seen to.
    sockets.push(socket.on("error", () => undefined).resume());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no TCP port");
  return {
    url: `https://127.0.0.1:${address.port}`,
    connections: () => sockets.length,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
