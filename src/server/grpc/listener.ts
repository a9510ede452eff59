import type { DescMethod } from "@bufbuild/protobuf";
import { type Metadata, Server, ServerInterceptingCall, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { LimitSettings, ListenerSettings } from "../../config/config.ts";
import { cutText } from "../../contract/error-details.ts";
import { ExecutionError } from "../../errors.ts";
import { ExecutionService } from "../../gen/execution/v1/execution_pb.js";
import type { Log } from "../../telemetry/log.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { Guard } from "../guard.ts";
import { createHealth } from "../health.ts";
import { createReflection } from "../reflection.ts";
import { type Arrivals, UNKNOWN_METHOD, watchArrivals } from "./arrivals.ts";
import { type CallDeps, type RequestEvents, serveCall } from "./call.ts";
import { type Connections, watchConnections } from "./connections.ts";
import { bytesService, methodPath } from "./services.ts";
import { addStandardServices, STANDARD_PATHS, STANDARD_SERVICES } from "./standard.ts";
import { statusObject } from "./status.ts";
import {
  serverCredentials,
  serverOptions,
  silenceLibraryLog,
  TRANSPORT_LIMITS,
  type TransportLimits,
} from "./transport.ts";

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
  /** Default: TRANSPORT_LIMITS. */
  readonly transport?: TransportLimits;
}

/** The methods we serve ourselves, by path. */
const METHODS: ReadonlyMap<string, DescMethod | undefined> = new Map([
  ...ExecutionService.methods.map((method) => [methodPath(method), method] as const),
  [UNKNOWN_METHOD, undefined] as const,
]);

const SERVICES = [ExecutionService, ...STANDARD_SERVICES];

/** Creates the listener. Nothing is bound before `listen`. */
export function createGrpcListener(deps: GrpcListenerDeps): GrpcListener {
  const { dispatcher, guard, settings, limits, transport = TRANSPORT_LIMITS } = deps;
  silenceLibraryLog();
  let port: number | undefined = settings.port === 0 ? undefined : settings.port;
  const closing = new AbortController();
  const connections = watchConnections(() => port, transport);
  const arrivals = watchArrivals(() => port, new Set(METHODS.keys()), STANDARD_PATHS);
  const server = new Server({
    ...serverOptions(limits, transport),
    interceptors: [
      ({ path }, wire) =>
        STANDARD_PATHS.has(path)
          ? guarded(wire, arrivals, { dispatcher, guard })
          : ours(wire, METHODS.get(path), arrivals, { dispatcher, transport }),
    ],
  });
  // grpc-js answers a method only if it knows it; what it would do is never begun.
  server.addService(bytesService(METHODS), {});
  const health = createHealth(
    SERVICES.map(({ typeName }) => typeName),
    dispatcher.drainStarted,
  );
  addStandardServices(server, { health, reflection: createReflection(SERVICES), dispatcher, closing: closing.signal });

  let gone: Promise<void> | undefined;
  const allGone = (): Promise<void> => {
    closing.abort();
    gone ??= shutDown(server, connections, transport.lingerMs, deps.log).finally(() => {
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
    listen: async () => {
      port = await bind(server, settings);
      return { port };
    },
    drain: () => {
      if (drained !== undefined) return close();
      drained = dispatcher.drain().then(allGone);
      return drained;
    },
    close,
  };
}

/** A call of a standard service: refused if it comes under a foreign name, else left to grpc-js. */
function guarded(
  wire: ServerInterceptingCallInterface,
  arrivals: Arrivals,
  { dispatcher, guard }: Pick<GrpcListenerDeps, "dispatcher" | "guard">,
): ServerInterceptingCall {
  return new ServerInterceptingCall(wire, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, pass) => {
          try {
            guard.check(wire.getHost(), arrivals.take(metadata)?.header("origin"));
          } catch (thrown) {
            wire.sendStatus(statusObject(dispatcher.status(thrown)));
            return;
          }
          pass(metadata);
        },
      }),
  });
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

function bind(server: Server, { host, port, tls }: ListenerSettings): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, serverCredentials(tls), (error, bound) => {
    if (error === null) resolve(bound);
    else reject(new Error(`cannot listen for gRPC on ${address}: ${error.message}`, { cause: error }));
  });
  return promise;
}

/** Asks the connections to go, and cuts what is left after `lingerMs`: grpc-js itself would wait for ever. */
async function shutDown(server: Server, connections: Connections, lingerMs: number, log: Log): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.tryShutdown(() => resolve());
  const cut = setTimeout(() => {
    log.warn("gRPC connections that did not close in time were cut");
    connections.destroyAll();
  }, lingerMs);
  const leave = setTimeout(resolve, 2 * lingerMs);
  await promise;
  clearTimeout(cut);
  clearTimeout(leave);
  server.forceShutdown();
}
