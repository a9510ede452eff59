import type { Transport } from "@connectrpc/connect";

/** A transport that holds connections. */
export interface ClosableTransport {
  readonly transport: Transport;
  /** Ends its connections and whatever runs on them. */
  close(): void;
}

/**
 * gRPC over one HTTP/2 connection (h2c for `http:`, TLS for `https:`), opened by the first call. It needs Node; its modules are loaded by the
 * first call too, so that programs which bring a transport of their own, browsers among them, never load them.
 */
export function createGrpcTransport(baseUrl: string): ClosableTransport {
  let loading: Promise<ClosableTransport> | undefined;
  const loaded = (): Promise<ClosableTransport> => {
    loading ??= load(baseUrl);
    return loading;
  };
  let closed = false;
  return {
    transport: {
      unary: async (...call) => {
        if (closed) throw new Error("the client is closed");
        return (await loaded()).transport.unary(...call);
      },
      stream: async (...call) => {
        if (closed) throw new Error("the client is closed");
        return (await loaded()).transport.stream(...call);
      },
    },
    close: () => {
      closed = true;
      loading?.then(({ close }) => close()).catch(() => undefined);
    },
  };
}

async function load(baseUrl: string): Promise<ClosableTransport> {
  const node = await import("@connectrpc/connect-node");
  const sessionManager = new node.Http2SessionManager(baseUrl);
  return {
    // Events are small and many: compressing them costs more than it saves.
    transport: node.createGrpcTransport({ baseUrl, sessionManager, acceptCompression: [] }),
    close: () => sessionManager.abort(),
  };
}
