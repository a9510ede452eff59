import { create } from "@bufbuild/protobuf";
import type {
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ExecutionError } from "../../errors.ts";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  type HealthListRequest,
  type HealthListResponse,
  HealthListResponseSchema,
  Health as HealthService,
} from "../../gen/grpc/health/v1/health_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { Dispatcher } from "../dispatcher.ts";
import type { Health } from "../health.ts";
import type { Reflection } from "../reflection.ts";
import { inTurn } from "../turns.ts";
import { messageService, methodPath } from "./services.ts";
import { statusObject } from "./status.ts";

/** The services of gRPC itself. They need no key: probes have none, and the contract is public. */
export const STANDARD_SERVICES = [HealthService, ServerReflection, ServerReflectionAlpha] as const;

/** Paths of their methods. */
export const STANDARD_PATHS: ReadonlySet<string> = new Set(
  STANDARD_SERVICES.flatMap(({ methods }) => methods.map(methodPath)),
);

/** Those of them whose requests are a stream. */
export const BIDI_PATHS: ReadonlySet<string> = new Set(
  STANDARD_SERVICES.flatMap(({ methods }) => methods)
    .filter(({ methodKind }) => methodKind === "bidi_streaming")
    .map(methodPath),
);

/** What answers the standard services. */
export interface StandardDeps {
  readonly health: Health;
  readonly reflection: Reflection;
  readonly dispatcher: Dispatcher;
  /** Ends the streams that would otherwise never end. */
  readonly closing: AbortSignal;
}

/** Adds health and both versions of reflection to a server. */
export function addStandardServices(server: Server, deps: StandardDeps): void {
  server.addService(messageService(HealthService), healthHandlers(deps));
  const reflection = { serverReflectionInfo: reflectionHandler(deps) };
  const definition = messageService(ServerReflection);
  server.addService(definition, reflection);
  const alpha = ServerReflectionAlpha.methods.map((method) => [
    method.localName,
    { ...definition[method.localName], path: methodPath(method) },
  ]);
  server.addService(Object.fromEntries(alpha), reflection);
}

function healthHandlers({ health, dispatcher, closing }: StandardDeps): UntypedServiceImplementation {
  return {
    check: (
      { request }: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
      answer: sendUnaryData<HealthCheckResponse>,
    ) => {
      const status = health.check(request.service);
      if (status !== undefined) answer(null, create(HealthCheckResponseSchema, { status }));
      else {
        const unknown = new ExecutionError("ROUTE_NOT_FOUND", "there is no service of that name");
        answer(statusObject(dispatcher.status(unknown)));
      }
    },
    list: (
      _call: ServerUnaryCall<HealthListRequest, HealthListResponse>,
      answer: sendUnaryData<HealthListResponse>,
    ) => {
      const statuses = Object.fromEntries([...health.list()].map(([name, status]) => [name, { status }]));
      answer(null, create(HealthListResponseSchema, { statuses }));
    },
    watch: (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) => {
      const left = new AbortController();
      call.on("cancelled", () => left.abort());
      watchHealth(call, health, AbortSignal.any([left.signal, closing])).then(
        () => call.emit("error", statusObject(dispatcher.status(stopped()))),
        (thrown: unknown) => call.emit("error", statusObject(dispatcher.status(thrown))),
      );
    },
  };
}

async function watchHealth(
  call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>,
  health: Health,
  signal: AbortSignal,
): Promise<void> {
  for await (const status of health.watch(call.request.service, signal)) {
    call.write(create(HealthCheckResponseSchema, { status }));
  }
}

type ReflectionCall = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

/** Answers one request of a call after the other, each in a turn and once the one before was taken: what waits is one answer a call. */
function reflectionHandler({ reflection, dispatcher, closing }: StandardDeps) {
  return (call: ReflectionCall): void => {
    const fail = (thrown: unknown): void => {
      call.emit("error", statusObject(dispatcher.status(thrown)));
    };
    let leave: () => void;
    try {
      leave = reflection.enter();
    } catch (thrown) {
      fail(thrown);
      return;
    }
    const stop = (): void => fail(stopped());
    const end = (): void => {
      leave();
      closing.removeEventListener("abort", stop);
    };
    closing.addEventListener("abort", stop, { once: true });
    call.on("close", end).on("cancelled", end);
    let answering = false;
    let ended = false;
    const goOn = (): void => {
      answering = false;
      if (ended) call.end();
      else call.resume();
    };
    call.on("data", (request: ServerReflectionRequest) => {
      answering = true;
      call.pause();
      inTurn(call, () => {
        if (call.cancelled || call.destroyed) return false;
        call.write(reflection.answer(request), goOn);
        return true;
      });
    });
    call.on("end", () => {
      ended = true;
      if (!answering) call.end();
    });
  };
}

function stopped(): ExecutionError {
  return new ExecutionError("DRAINING", "this server is shutting down; call another one", { retryAfterMs: 0 });
}
