import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { ExecutionError } from "../../errors.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { inTurn } from "../turns.ts";
import { SECURITY_HEADERS } from "./answer.ts";
import type { TransportLimits } from "./limits.ts";
import { problemDocument } from "./problem.ts";

/** What HTTP/1.1 parsing errors mean; everything else is 400. */
const STATUS_OF_ERROR: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "the headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "the chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request did not arrive in time"],
};

/** Requests a connection may send before those ahead of them are answered; 1,400 fit in one read. */
const MAX_PIPELINED = 100;

/** What a parser is told of a request it has read the headers of: that what follows is no HTTP. */
const READ_NO_FURTHER = 2;

/**
 * Creates the HTTP/1.1 server behind the front. It has no port of its own: connections are emitted to it. What is not HTTP gets a problem
 * document and is closed.
 */
export function createHttp1(
  dispatcher: Dispatcher,
  limits: TransportLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersMs,
    // Whoever reads a body sees to its pace and answers with an error; this is for what nobody reads.
    requestTimeout: Math.max(limits.longestRequestMs, limits.requestMs + limits.lingerMs),
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(limits.headersMs, 1000),
    insecureHTTPParser: false,
    // The handler requires it, with a problem document.
    requireHostHeader: false,
  });
  /** How many requests of each connection wait for their answers. */
  const answering = new WeakMap<Socket, number>();
  const onBegun = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const others = answering.get(socket) ?? 0;
    if (socket.destroyed) return;
    if (others >= MAX_PIPELINED) {
      socket.destroy();
      readNoFurther(socket);
      return;
    }
    answering.set(socket, others + 1);
    response.once("close", () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
    if (others === 0) onRequest(request, response);
    else inTurn(socket, () => !socket.destroyed && serve(request, response));
  };
  const serve = (request: IncomingMessage, response: ServerResponse): boolean => {
    onRequest(request, response);
    return true;
  };
  server.on("request", onBegun);
  // Whoever reads the body says that it may come (100 Continue); Node by itself would say so before anybody is known.
  server.on("checkContinue", onBegun);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const mayAnswer = socket instanceof Socket && socket.writable && (answering.get(socket) ?? 0) === 0;
    if (!mayAnswer || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const [status, problem] = STATUS_OF_ERROR[error.code ?? ""] ?? [400, "this is not a request of HTTP/1.1 or HTTP/2"];
    socket.end(rawAnswer(dispatcher, status, problem), () => socket.destroy());
  });
  // Node checks header and request timeouts only from this event on, which a server without a port never has.
  server.emit("listening");
  return server;
}

/**
 * Has what else was read together with this request thrown away. Node has no other way to stop its parser from within, and would make a thousand more
 * requests of a connection that is gone, which takes 15 ms; where it has no parser of this form it does.
 */
function readNoFurther(socket: Socket): void {
  const { parser } = socket as Socket & { readonly parser?: { onIncoming?: () => number } | null };
  if (typeof parser?.onIncoming === "function") parser.onIncoming = () => READ_NO_FURTHER;
}

function rawAnswer(dispatcher: Dispatcher, status: number, problem: string): string {
  const error = new ExecutionError("INVALID_FIELD", problem, { fields: [{ field: "", description: problem }] });
  const body = `${JSON.stringify(problemDocument(dispatcher.status(error), status))}\n`;
  const headers = {
    ...SECURITY_HEADERS,
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} Refused\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}
