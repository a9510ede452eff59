import { setImmediate } from "node:timers/promises";
import { create, type DescMethod } from "@bufbuild/protobuf";
import {
  type ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { compressionGzip, universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { ExecutionError } from "../../errors.ts";
import {
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  Health as HealthService,
} from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection, ServerReflectionRequestSchema } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { Guard } from "../guard.ts";
import type { Health } from "../health.ts";
import { startLate } from "../late.ts";
import type { Reflection } from "../reflection.ts";
import { readTimeout } from "../timeout.ts";
import { type Exchange, letBodyCome } from "./exchange.ts";
import type { RpcHandler } from "./handler.ts";
import { writeRpcAnswer } from "./rpc-answer.ts";
import type { RpcDeps } from "./rpc-calls.ts";
import { toConnectError } from "./rpc-errors.ts";
import { contentTypesOf, type RpcWire, readWire } from "./rpc-wire.ts";

/** What the standard services need. */
export interface ServicesDeps extends RpcDeps {
  readonly guard: Guard;
  readonly health: Health;
  readonly reflection: Reflection;
  /** Ends the streams that would otherwise never end. */
  readonly closing: AbortSignal;
}

/** Longest deadline of a call of these services: longer ones overflow Node's timers. */
const MAX_TIMEOUT_MS = 86_400_000;

/** What a call was refused for before its body was read, and how its errors are framed. */
const refusalKey = createContextKey<ConnectError | undefined>(undefined);
const wireKey = createContextKey<RpcWire | undefined>(undefined);

/**
 * Serves the services every gRPC server has, health and both versions of reflection, over Connect, gRPC-Web and gRPC. They need no key: probes
 * have none, and the contract is public. Connect reads and decodes their requests itself, within small limits.
 */
export function createServicesHandler(deps: ServicesDeps): Pick<RpcHandler, "serve"> {
  const { dispatcher, guard, limits, refusals } = deps;
  const router = createConnectRouter({
    acceptCompression: [compressionGzip],
    readMaxBytes: limits.maxServiceBytes,
    compressMinBytes: limits.maxServiceBytes,
    requestGate: ({ values }) => {
      const refusal = values.get(refusalKey);
      if (refusal !== undefined) throw refusal;
    },
  });
  router.service(HealthService, healthService(deps));
  const { serverReflectionInfo } = reflectionService(deps);
  router.service(ServerReflection, { serverReflectionInfo });
  // Both versions have the same messages under different names.
  router.service(ServerReflectionAlpha, { serverReflectionInfo } as unknown as ServiceImpl<
    typeof ServerReflectionAlpha
  >);
  const handlers = new Map<DescMethod, UniversalHandler>(router.handlers.map((handler) => [handler.method, handler]));

  /** Guards a call before its body is read. */
  const refusalOf = ({ host, header }: Exchange, wire: RpcWire): ConnectError | undefined => {
    try {
      guard.check(host, header("origin"));
      const { problem } = readTimeout(header, wire.timeoutHeader);
      if (problem !== undefined) throw problem;
      return undefined;
    } catch (thrown) {
      return toConnectError(dispatcher.status(thrown), wire);
    }
  };

  return {
    serve: async (exchange, method) => {
      const wire = readWire(exchange, method);
      const handler = handlers.get(method);
      if (wire === undefined || handler === undefined) {
        return refusals.unsupportedMediaType(exchange, contentTypesOf(method));
      }
      const values = createContextValues().set(wireKey, wire).set(refusalKey, refusalOf(exchange, wire));
      letBodyCome(exchange);
      cutLate(exchange, method.methodKind === "bidi_streaming" ? limits.idleMs : limits.requestMs);
      const request = universalRequestFromNodeRequest(exchange.request, exchange.response, undefined, values);
      const answer = handler({ ...request, header: clampTimeout(request, wire) });
      await writeRpcAnswer(exchange, answer, request.signal, limits);
    },
  };
}

/** Cuts a request that does not end: Connect, which reads it, would wait for ever. */
function cutLate({ request, response }: Exchange, afterMs: number): void {
  if (request.complete) return;
  const late = startLate(afterMs, () => request.destroy());
  request.once("end", late.clear);
  response.once("close", late.clear);
}

/** Cuts a deadline that Node's timers cannot hold. What is malformed was refused before. */
function clampTimeout({ header }: UniversalServerRequest, { timeoutHeader }: RpcWire): Headers {
  const { timeoutMs = 0 } = readTimeout((name) => header.get(name) ?? undefined, timeoutHeader);
  if (timeoutMs > MAX_TIMEOUT_MS) {
    header.set(timeoutHeader, timeoutHeader === "grpc-timeout" ? `${MAX_TIMEOUT_MS}m` : String(MAX_TIMEOUT_MS));
  }
  return header;
}

function healthService(deps: ServicesDeps): ServiceImpl<typeof HealthService> {
  const { health, closing } = deps;
  const failed = (thrown: unknown, context: HandlerContext): ConnectError => failure(deps, thrown, context);
  return {
    check: ({ service }, context) => {
      const status = health.check(service);
      if (status !== undefined) return create(HealthCheckResponseSchema, { status });
      throw failed(new ExecutionError("ROUTE_NOT_FOUND", "there is no service of that name"), context);
    },
    list: () => {
      const statuses = Object.fromEntries([...health.list()].map(([name, status]) => [name, { status }]));
      return create(HealthListResponseSchema, { statuses });
    },
    watch: async function* watch({ service }, context) {
      const signal = AbortSignal.any([context.signal, closing]);
      try {
        for await (const status of health.watch(service, signal)) yield create(HealthCheckResponseSchema, { status });
        if (closing.aborted) throw stopped();
      } catch (thrown) {
        throw failed(thrown, context);
      }
    },
  };
}

function reflectionService(deps: ServicesDeps): ServiceImpl<typeof ServerReflection> {
  const { reflection } = deps;
  return {
    serverReflectionInfo: async function* answerAll(requests, context) {
      const leave = enter(deps, context);
      try {
        for await (const request of requests) {
          // A turn each: some hundred of them may have come in one read.
          await setImmediate();
          yield reflection.answer({ ...request, $typeName: ServerReflectionRequestSchema.typeName });
        }
      } finally {
        leave();
      }
    },
  };
}

function enter(deps: ServicesDeps, context: HandlerContext): () => void {
  try {
    return deps.reflection.enter();
  } catch (thrown) {
    throw failure(deps, thrown, context);
  }
}

function failure({ dispatcher }: ServicesDeps, thrown: unknown, { values }: HandlerContext): ConnectError {
  return toConnectError(dispatcher.status(thrown), values.get(wireKey) ?? { protocol: "connect" });
}

function stopped(): ExecutionError {
  return new ExecutionError("DRAINING", "this server is shutting down; call another one", { retryAfterMs: 0 });
}
