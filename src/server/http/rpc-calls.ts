import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import {
  type ConnectError,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from "@connectrpc/connect";
import { createAsyncIterable, type UniversalHandler, type UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { cutText } from "../../contract/error-details.ts";
import { ExecutionError } from "../../errors.ts";
import type { Dispatcher, ServerCall } from "../dispatcher.ts";
import { readTimeout } from "../timeout.ts";
import type { Exchange } from "./exchange.ts";
import type { RpcHandler } from "./handler.ts";
import type { TransportLimits } from "./limits.ts";
import { DETAIL_TYPES, requestIdOf } from "./problem.ts";
import type { Refusals } from "./refusals.ts";
import { writeRpcAnswer } from "./rpc-answer.ts";
import { toConnectError } from "./rpc-errors.ts";
import { contentTypesOf, emptyBody, type RpcWire, readRequest, readWire } from "./rpc-wire.ts";

/** What the handlers of RPCs need. */
export interface RpcDeps {
  readonly dispatcher: Dispatcher;
  readonly limits: TransportLimits;
  readonly refusals: Refusals;
  /** The services that are served beside the standard ones. */
  readonly services: readonly DescService[];
}

/** A call before its body is read, or what it was refused for. */
interface Begun {
  readonly call: ServerCall | undefined;
  /** What fails the call before its body is read. */
  readonly refusal: unknown;
  /** Reads what was thrown as the error to send. */
  readonly failed: (thrown: unknown) => ConnectError;
}

/** The responses of a call, in the context of Connect's handler. */
const responsesKey = createContextKey<AsyncGenerator<readonly Message[]> | undefined>(undefined);

/** A signal of nobody, for calls that were refused before they had one. */
const NEVER = new AbortController().signal;

/**
 * Serves the platform's services over Connect, gRPC-Web and gRPC. Authentication, reading, decoding and validation are the dispatcher's, as on every
 * wire, so that failures of all of them carry the same details. Connect gets an empty message in place of the body, and frames what comes back.
 */
export function createCallHandler({ dispatcher, limits, refusals, services }: RpcDeps): RpcHandler {
  const router = createConnectRouter({ jsonOptions: { registry: DETAIL_TYPES } });
  const methods = services.flatMap((service) => service.methods);
  for (const method of methods) router.rpc(method, implementationOf(method));
  const handlers = new Map<DescMethod, UniversalHandler>(router.handlers.map((handler) => [handler.method, handler]));

  return {
    refuse: async (exchange) => {
      // Framed as a streaming method's, since that is what all of these protocols have the same form of error for.
      const streaming = methods.find(({ methodKind }) => methodKind === "server_streaming");
      const wire = streaming && readWire(exchange, streaming);
      const handler = streaming && handlers.get(streaming);
      if (wire === undefined || handler === undefined) return refusals.routeNotFound(exchange);
      const error = new ExecutionError("UNIMPLEMENTED", `this server has no method ${cutText(exchange.path, 200)}`);
      const status = dispatcher.status(error);
      exchange.response.setHeader("x-request-id", requestIdOf(status));
      const begun: Begun = { call: undefined, refusal: error, failed: () => toConnectError(status, wire) };
      const values = createContextValues().set(responsesKey, run(exchange, wire, begun));
      await writeRpcAnswer(exchange, handler(universalRequest(exchange, wire, values)), NEVER, limits);
    },
    serve: async (exchange, method) => {
      const { response } = exchange;
      const wire = readWire(exchange, method);
      const handler = handlers.get(method);
      if (wire === undefined || handler === undefined) {
        return refusals.unsupportedMediaType(exchange, contentTypesOf(method));
      }
      response.setHeader(wire.acceptEncodingHeader, "gzip");
      const begun = begin(exchange, method, wire);
      const { call } = begun;
      const responses = run(exchange, wire, begun);
      try {
        if (call !== undefined) response.once("close", call.cancel);
        const request = universalRequest(exchange, wire, createContextValues().set(responsesKey, responses));
        await writeRpcAnswer(exchange, handler(request), call?.signal ?? NEVER, limits);
      } finally {
        await responses.return(undefined);
        if (call !== undefined) response.off("close", call.cancel);
        call?.end();
      }
    },
  };

  /** Begins a call, before its body is read. */
  function begin({ header, host, response }: Exchange, method: DescMethod, wire: RpcWire): Begun {
    const { timeoutMs, problem } = readTimeout(header, wire.timeoutHeader);
    try {
      const call = dispatcher.begin({ method, header, host, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
      response.setHeader("x-request-id", call.requestId);
      return { call, refusal: problem, failed: (thrown) => toConnectError(call.status(thrown), wire) };
    } catch (thrown) {
      const status = dispatcher.status(thrown);
      response.setHeader("x-request-id", requestIdOf(status));
      return { call: undefined, refusal: thrown, failed: () => toConnectError(status, wire) };
    }
  }

  /** Reads the request and runs it. Everything that fails is thrown as Connect's error, with the details every wire has. */
  async function* run(
    exchange: Exchange,
    wire: RpcWire,
    { call, refusal, failed }: Begun,
  ): AsyncGenerator<readonly Message[]> {
    try {
      if (call === undefined || refusal !== undefined) throw refusal;
      const message = await readRequest(exchange, wire, call, limits.requestMs);
      for await (const batch of await call.run(message)) yield batch;
    } catch (thrown) {
      throw failed(thrown);
    }
  }
}

/** Gives Connect what `run` yields. Batches of a provider read are taken apart again, but leave in one write, since nothing is awaited between. */
function implementationOf(method: DescMethod): MethodImpl<DescMethod> {
  const responsesOf = (context: HandlerContext): AsyncGenerator<readonly Message[]> => {
    const responses = context.values.get(responsesKey);
    if (responses === undefined) throw new Error("Connect lost the call's context");
    return responses;
  };
  const unary = async (_request: Message, context: HandlerContext): Promise<Message> => {
    for await (const [response] of responsesOf(context)) if (response !== undefined) return response;
    throw new Error(`${method.name} gave no response`);
  };
  const streaming = async function* streaming(_request: Message, context: HandlerContext): AsyncGenerator<Message> {
    for await (const batch of responsesOf(context)) yield* batch;
  };
  return (method.methodKind === "unary" ? unary : streaming) as MethodImpl<DescMethod>;
}

function universalRequest(exchange: Exchange, wire: RpcWire, values: ContextValues): UniversalServerRequest {
  const request = universalRequestFromNodeRequest(exchange.request, exchange.response, undefined, values);
  return {
    ...request,
    // Connect's GET has been read already; its answer is the same as the one to a POST.
    method: "POST",
    header: new Headers({ "content-type": wire.contentType }),
    body: createAsyncIterable([emptyBody(wire)]),
  };
}
