import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP link to a database on which answers to commits can be lost. */
export interface LossyLink {
  readonly port: number;
  /** The next commits are done, and whoever asked for them is cut off instead of told. */
  loseAnswers(commits: number): void;
  /** How many were lost so far. */
  lost(): number;
  close(): Promise<void>;
}

/** Opens a link to a port of this machine, at `port` or a free one. */
export async function openLossyLink(targetPort: number, port = 0): Promise<LossyLink> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  };
  let toLose = 0;
  let lost = 0;
  const server = createServer((client) => {
    const target = keep(connect(targetPort, "127.0.0.1"));
    let isCommitted = false;
    keep(client).on("data", (bytes) => {
      if (toLose > 0 && bytes.includes("COMMIT")) isCommitted = true;
      target.write(bytes);
    });
    target.on("data", (bytes) => {
      if (!isCommitted) {
        client.write(bytes);
        return;
      }
      toLose -= 1;
      lost += 1;
      client.destroy();
    });
    client.once("close", () => target.destroy());
    target.once("close", () => client.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswers: (commits) => {
      toLose = commits;
    },
    lost: () => lost,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
