import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A TCP link to a port that can be cut and restored. */
export interface SwitchableLink {
  readonly port: number;
  /** Breaks all connections, and refuses new ones. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Lets what is asked through and holds the answers back, until it is cut. */
  deafen(): void;
}

/** Opens a link to a port of this machine. */
export async function openLink(targetPort: number): Promise<SwitchableLink> {
  const sockets = new Set<Socket>();
  const targets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  };
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    server = createServer((client) => {
      const target = keep(connect(targetPort, "127.0.0.1"));
      keep(client).pipe(target).pipe(client);
      targets.add(target.once("close", () => targets.delete(target)));
      client.once("close", () => target.destroy());
      target.once("close", () => client.destroy());
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    port,
    cut: async () => {
      if (server === undefined) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      server = undefined;
    },
    restore: async () => {
      await listen(port);
    },
    deafen: () => {
      for (const target of targets) target.unpipe();
    },
  };
}
