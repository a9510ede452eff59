import type { Server as NetServer, Socket } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  type Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from "@grpc/grpc-js";
import type { LimitSettings, ListenerSettings } from "../../config/config.ts";
import { cutText } from "../../contract/error-details.ts";
import { ExecutionError } from "../../errors.ts";
import { ExecutionService } from "../../gen/execution/v1/execution_pb.js";
import type { Log } from "../../telemetry/log.ts";
import { type Connections, createConnections } from "../connections.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { createFront, listenOn } from "../front.ts";
import type { Guard } from "../guard.ts";
import { createHealth } from "../health.ts";
import { createPeers } from "../peers.ts";
import { createReflection } from "../reflection.ts";
import { type Arrivals, UNKNOWN_METHOD, watchArrivals } from "./arrivals.ts";
import { type CallDeps, type RequestEvents, serveCall } from "./call.ts";
import { guarded } from "./guarded.ts";
import { bytesService, methodPath } from "./services.ts";
import { addStandardServices, STANDARD_PATHS, STANDARD_SERVICES } from "./standard.ts";
import { statusObject } from "./status.ts";
import { serverOptions, silenceLibraryLog, type TransportLimits, transportLimits } from "./transport.ts";

/** The gRPC listener: ExecutionService, health and reflection on HTTP/2. */
export interface GrpcListener {
  /** Binds the port. Throws if it cannot be bound. */
  listen(): Promise<{ readonly port: number }>;
  /**
   * Ends gracefully: health says so, new calls get DRAINING while running ones go on, until the dispatcher has drained; then connections are
   * asked to go and, after `lingerMs`, cut. A second call closes everything at once. Both resolve once every connection is closed.
   */
  drain(): Promise<void>;
  /** Closes everything at once. Calls that still run are cancelled. */
  close(): Promise<void>;
}

/** What the listener needs. */
export interface GrpcListenerDeps {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  readonly settings: ListenerSettings;
  readonly limits: LimitSettings;
  readonly log: Log;
  /** Default: what `limits` and `transportLimits` make of it. */
  readonly transport?: TransportLimits;
}

/** What a client must have sent before its first call: preface, SETTINGS, and the answer to ours. */
const HANDSHAKE_BYTES = 24 + 9 + 9;

/** The methods we serve ourselves, by path. */
const METHODS: ReadonlyMap<string, DescMethod | undefined> = new Map([
  ...ExecutionService.methods.map((method) => [methodPath(method), method] as const),
  [UNKNOWN_METHOD, undefined] as const,
]);

const SERVICES = [ExecutionService, ...STANDARD_SERVICES];

/** Creates the listener. Nothing is bound before `listen`. */
export function createGrpcListener(deps: GrpcListenerDeps): GrpcListener {
  const { dispatcher, guard, settings, limits, log, transport = transportLimits(limits) } = deps;
  silenceLibraryLog();
  const closing = new AbortController();
  const monotonicMs = (): number => performance.now();
  const onLockOut = (peer: string, reason: string): void => log.warn("a gRPC peer is locked out", { peer, reason });
  const peers = createPeers({ limits, monotonicMs, onLockOut });
  const connections = createConnections(peers, { ...transport, handshakeBytes: HANDSHAKE_BYTES }, monotonicMs);
  const arrivals = watchArrivals(connections, new Set(METHODS.keys()), STANDARD_PATHS);
  const server = new Server({
    ...serverOptions(limits, transport),
    interceptors: [
      ({ path }, wire) =>
        STANDARD_PATHS.has(path)
          ? guarded(wire, arrivals, { dispatcher, guard, transport })
          : ours(wire, METHODS.get(path), arrivals, { dispatcher, transport }),
    ],
  });
  // grpc-js answers a method only if it knows it; what it would do is never begun.
  server.addService(bytesService(METHODS), {});
  const health = createHealth(
    SERVICES.map(({ typeName }) => typeName),
    dispatcher.drainStarted,
    () => dispatcher.canRecord(),
  );
  addStandardServices(server, {
    health,
    reflection: createReflection(SERVICES),
    dispatcher,
    closing: closing.signal,
  });

  // grpc-js hides the server it would bind itself; on one of ours a connection is known, and can be refused, from its beginning.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const front = createFront(settings.tls, transport, { http2: (socket) => injector.injectConnection(socket) });
  front.prependListener("connection", (socket: Socket) => connections.admit(socket)?.speaksHttp2());

  let gone: Promise<void> | undefined;
  const allGone = (): Promise<void> => {
    closing.abort();
    gone ??= shutDown({ server, front, connections }, transport.lingerMs, log).finally(() => {
      arrivals.close();
      connections.close();
    });
    return gone;
  };
  const close = (): Promise<void> => {
    const closed = allGone();
    connections.destroyAll();
    return closed;
  };
  let drained: Promise<void> | undefined;
  return {
    listen: async () => ({ port: await listenOn(front, settings) }),
    drain: () => {
      if (drained !== undefined) return close();
      drained = dispatcher.drain().then(allGone);
      return drained;
    },
    close,
  };
}

/** A call of our own service: grpc-js's handling of it is never started, it is served on the call below. */
function ours(
  wire: ServerInterceptingCallInterface,
  method: DescMethod | undefined,
  arrivals: Arrivals,
  deps: CallDeps,
): ServerInterceptingCall {
  const begin = (metadata: Metadata): RequestEvents | undefined => {
    const arrival = arrivals.take(metadata);
    if (arrival !== undefined && method !== undefined) return serveCall({ method, arrival, wire }, deps);
    const refusal =
      arrival === undefined
        ? new Error("a call came that Node did not announce")
        : new ExecutionError("UNIMPLEMENTED", `this server has no method ${cutText(arrival.path, 200)}`);
    wire.sendStatus(statusObject(deps.dispatcher.status(refusal)));
    return undefined;
  };
  const start = (): void => {
    let events: RequestEvents | undefined;
    wire.start({
      onReceiveMetadata: (metadata) => {
        events = begin(metadata);
      },
      onReceiveMessage: (bytes: Uint8Array) => events?.message(bytes),
      onReceiveHalfClose: () => events?.end(),
      onCancel: () => events?.cancel(),
    });
  };
  return new ServerInterceptingCall(wire, { start });
}

/** Takes no more connections, asks those there are to go, and cuts what is left after `lingerMs`: grpc-js itself would wait for ever. */
async function shutDown(
  {
    server,
    front,
    connections,
  }: { readonly server: Server; readonly front: NetServer; readonly connections: Connections },
  lingerMs: number,
  log: Log,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    front.close(() => resolve());
  });
  server.tryShutdown(() => undefined);
  const cut = setTimeout(() => {
    log.warn("gRPC connections that did not close in time were cut");
    connections.destroyAll();
  }, lingerMs);
  await closed;
  clearTimeout(cut);
  server.forceShutdown();
}
