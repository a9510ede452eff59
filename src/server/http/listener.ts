import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { LimitSettings, ListenerSettings } from "../../config/config.ts";
import type { Log } from "../../telemetry/log.ts";
import { type Connections, createConnections } from "../connections.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { createFront, listenOn } from "../front.ts";
import type { Guard } from "../guard.ts";
import { createHealth } from "../health.ts";
import { createPeers } from "../peers.ts";
import { createReflection } from "../reflection.ts";
import { createExchange } from "./exchange.ts";
import { createHandler, type RpcHandler } from "./handler.ts";
import { createHttp1 } from "./http1.ts";
import { createHttp2 } from "./http2.ts";
import { type TransportLimits, transportLimits } from "./limits.ts";
import { createRefusals } from "./refusals.ts";
import { OPEN_SERVICES } from "./routes.ts";
import type { Surface } from "./surface.ts";

/** The listener of HTTP/1.1 and HTTP/2: Connect, gRPC-Web, gRPC, REST and SSE on one port. */
export interface HttpListener {
  /** Binds the address. Rejects if it cannot be bound. */
  listen(): Promise<{ readonly port: number }>;
  /**
   * Ends gracefully: health says so and new calls get DRAINING while running ones go on, until the dispatcher has drained; then connections are
   * closed. A second call closes everything at once. Each resolves once every connection is closed.
   */
  drain(): Promise<void>;
  /** Closes everything at once. Calls that still run are cancelled. */
  close(): Promise<void>;
}

/** What the listener needs. */
export interface HttpListenerDeps {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  readonly surface: Surface;
  readonly settings: ListenerSettings;
  readonly limits: LimitSettings;
  readonly log: Log;
  /** Default: what `limits` and `transportLimits` make of it. */
  readonly transport?: TransportLimits;
}

/** Creates the listener. Fails if a route carries no access label. */
export function createHttpListener(deps: HttpListenerDeps): HttpListener {
  const { dispatcher, limits, log, settings, transport = transportLimits(limits) } = deps;
  const closing = new AbortController();
  const connections = createGuarded(deps, transport);
  const onRequest = createRequestListener(deps, transport, closing.signal);
  const http1 = createHttp1(dispatcher, transport, (request, response) => {
    watchHttp1(request, response, connections);
    onRequest.listen(request, response);
  });
  const http2 = createHttp2(limits.maxStreamsPerConnection, transport, onRequest.listen);
  const front = createFront(settings.tls, transport, {
    http1: (socket) => http1.emit("connection", socket),
    http2: (socket) => {
      connections.find(socket)?.speaksHttp2();
      http2.server.emit("connection", socket);
    },
  });
  front.prependListener("connection", (socket: Socket) => connections.admit(socket));

  /** Takes no more connections; resolves once the last one is closed, at once if there was no port. */
  let closed: Promise<void> | undefined;
  const closeFront = (): Promise<void> => {
    closing.abort();
    http1.close();
    closed ??= new Promise<void>((resolve) => {
      front.close(() => resolve());
    }).finally(connections.close);
    return closed;
  };
  const close = async (): Promise<void> => {
    const done = closeFront();
    connections.destroyAll();
    await done;
    await onRequest.settled();
  };
  let draining = false;

  return {
    listen: async () => {
      const port = await listenOn(front, settings);
      onRequest.loadRpc().catch((thrown: unknown) => log.error("the RPC handler did not load", thrown));
      return { port };
    },
    drain: async () => {
      if (draining) return close();
      draining = true;
      // Whoever watches the health is told before the connections go, even if there is nothing to wait for.
      await Promise.all([dispatcher.drain(), setImmediate()]);
      const done = closeFront();
      http2.closeSessions();
      const linger = setTimeout(connections.destroyAll, transport.lingerMs);
      await done;
      clearTimeout(linger);
      await onRequest.settled();
    },
    close,
  };
}

function createGuarded({ limits, log }: HttpListenerDeps, { firstBytesMs }: TransportLimits): Connections {
  const monotonicMs = (): number => performance.now();
  const onLockOut = (peer: string, reason: string): void => log.warn("an HTTP peer is locked out", { peer, reason });
  const peers = createPeers({ limits, monotonicMs, onLockOut });
  // Both protocols have timers of their own for what comes after the first bytes.
  const after = { handshakeBytes: 0, firstRequestMs: Number.POSITIVE_INFINITY };
  return createConnections(peers, { firstBytesMs, ...after }, monotonicMs);
}

/** Says of a request of HTTP/1.1 whether it was answered. */
function watchHttp1({ socket }: IncomingMessage, response: ServerResponse, connections: Connections): void {
  const connection = connections.find(socket);
  connection?.began();
  response.once("close", () => {
    if (response.headersSent) connection?.answered();
  });
}

interface RequestListener {
  readonly listen: (request: IncomingMessage, response: ServerResponse) => void;
  readonly loadRpc: () => Promise<RpcHandler>;
  /** Waits until nothing is being loaded and no request is being answered. */
  readonly settled: () => Promise<void>;
}

function createRequestListener(
  { dispatcher, guard, log, surface }: HttpListenerDeps,
  limits: TransportLimits,
  closing: AbortSignal,
): RequestListener {
  const services = [...surface.services, ...OPEN_SERVICES];
  const names = services.map(({ typeName }) => typeName);
  const health = createHealth(names, dispatcher.drainStarted, () => dispatcher.canRecord());
  const reflection = createReflection(services);
  const refusals = createRefusals(dispatcher, limits);
  let rpc: Promise<RpcHandler> | undefined;
  const loadRpc = (): Promise<RpcHandler> => {
    rpc ??= import("./rpc.ts").then(({ createRpcHandler }) =>
      createRpcHandler({
        dispatcher,
        guard,
        limits,
        refusals,
        services: surface.services,
        health,
        reflection,
        closing,
      }),
    );
    return rpc;
  };
  const handle = createHandler({ dispatcher, guard, limits, refusals, surface, rpc: loadRpc });
  const answering = new Set<Promise<void>>();
  return {
    loadRpc,
    settled: async () => {
      await Promise.allSettled([rpc, ...answering]);
    },
    listen: (request, response) => {
      // A connection that breaks is seen by whoever reads or writes it; without a listener the event would end the process.
      response.on("error", () => response.destroy());
      const answered = handle(createExchange(request, response))
        .catch((thrown: unknown) => {
          log.error("an HTTP request failed by a bug", thrown);
          response.destroy();
        })
        .finally(() => answering.delete(answered));
      answering.add(answered);
    },
  };
}
