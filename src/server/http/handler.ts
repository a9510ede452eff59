import type { DescMethod } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { Guard } from "../guard.ts";
import { SECURITY_HEADERS, sendProblem } from "./answer.ts";
import { writeCors, writePreflight } from "./cors.ts";
import { type Exchange, endAnswer } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import type { Refusals } from "./refusals.ts";
import { createRouteTable, httpMethodsOf, rpcPathsOf } from "./routes.ts";
import type { Surface } from "./surface.ts";

/** Serves RPC paths over Connect, gRPC-Web and gRPC. */
export interface RpcHandler {
  serve(exchange: Exchange, method: DescMethod): Promise<void>;
  /** Refuses a path that is no method, in the words of the protocol the request is in: UNIMPLEMENTED, as on the gRPC listener. */
  refuse(exchange: Exchange): Promise<void>;
}

/** Content types of streaming RPCs; unary Connect's are those of REST too. */
const RPC_CONTENT = /^application\/(?:grpc|connect\+)/i;

/** What the handler needs. */
export interface HandlerDeps {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  readonly limits: TransportLimits;
  readonly refusals: Refusals;
  readonly surface: Surface;
  /** Gives the handler of RPC paths, once it is loaded. */
  readonly rpc: () => Promise<RpcHandler>;
}

/** Creates the one handler of all requests, of HTTP/1.1 and HTTP/2. Its promise never rejects. */
export function createHandler(deps: HandlerDeps): (exchange: Exchange) => Promise<void> {
  const { dispatcher, guard, limits, refusals, rpc, surface } = deps;
  const rpcPaths = rpcPathsOf(surface.services);
  const routes = createRouteTable(surface.routes(dispatcher, limits, refusals));

  const answer = async (exchange: Exchange): Promise<void> => {
    const { method, path, host, header } = exchange;
    const rpcMethod = rpcPaths.get(path);
    const found = routes.find(path);
    const methods = httpMethodsOf(rpcMethod ?? found?.routes);
    checkHost(exchange, rpcMethod !== undefined);
    if (rpcMethod !== undefined && methods.includes(method)) {
      return (await rpc()).serve(exchange, rpcMethod);
    }
    guard.check(host, header("origin"));
    if (methods.length === 0) {
      const rpcRequest = method === "POST" && RPC_CONTENT.test(header("content-type") ?? "");
      return rpcRequest ? (await rpc()).refuse(exchange) : refusals.routeNotFound(exchange);
    }
    if (method === "OPTIONS") return answerOptions(exchange, methods, limits);
    const wanted = method === "HEAD" ? "GET" : method;
    const route = found?.routes.find((candidate) => candidate.method === wanted);
    if (found === undefined || route === undefined) return refusals.methodNotAllowed(exchange, methods);
    return route.serve(exchange, found.id);
  };

  return async (exchange) => {
    const { response, http2 } = exchange;
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (dispatcher.draining && !http2) response.setHeader("connection", "close");
    try {
      writeCors(exchange, guard);
      await answer(exchange);
    } catch (thrown) {
      sendProblem(exchange, limits, dispatcher.status(thrown));
    } finally {
      // Whoever left needs no answer; anything else that got none would wait for it for ever.
      if (!response.writableEnded) response.destroy();
    }
  };
}

/**
 * Every request names one host (RFC 9112, 3.2) but those of HTTP/1.0; two, or an authority that differs, could mean one to a proxy and the other to
 * us. For an RPC it has to be one, since Connect makes a URL of it.
 */
function checkHost({ host, header, request, http2 }: Exchange, rpc: boolean): void {
  const old = request.httpVersion === "1.0" && !rpc;
  const good = host === undefined ? old : !rpc || URL.canParse(`http://${host}`);
  const one = http2 ? (header("host") ?? host) === host : countHosts(request.rawHeaders) < 2;
  if (good && one) return;
  const description = one ? "must be a host name and, where needed, a port" : "must be there once";
  throw new ExecutionError("INVALID_FIELD", `the header host ${description}`, {
    fields: [{ field: "host", description }],
  });
}

/** Names and values take turns. Node keeps the first of several hosts and says nothing of the others. */
function countHosts(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.length === 4 && text.toLowerCase() === "host")
    .length;
}

function answerOptions(exchange: Exchange, methods: readonly string[], limits: TransportLimits): void {
  const { header, response } = exchange;
  response.setHeader("allow", [...methods, "OPTIONS"].join(", "));
  if (header("origin") !== undefined && header("access-control-request-method") !== undefined) {
    writePreflight(exchange, methods);
  }
  response.writeHead(204);
  endAnswer(exchange, limits);
}
