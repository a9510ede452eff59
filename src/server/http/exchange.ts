import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderLookup } from "../auth.ts";
import { startLate } from "../late.ts";
import { discard } from "./pace.ts";

/** One HTTP request and its answer. Requests of HTTP/2 come in the same form, through Node's compatibility API. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Path as it was sent, without the query. */
  readonly path: string;
  /** Query without its question mark; empty if there is none. */
  readonly query: string;
  /** `:authority` or Host header. */
  readonly host: string | undefined;
  readonly header: HeaderLookup;
  readonly http2: boolean;
  /** True once the answer can reach nobody: it was taken, or the client has left. Node's two APIs have no property of both that says so. */
  readonly closed: () => boolean;
}

/** Reads the head of a request. */
export function createExchange(request: IncomingMessage, response: ServerResponse): Exchange {
  const url = request.url ?? "";
  const mark = url.indexOf("?");
  const { headers } = request;
  const header: HeaderLookup = (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  let closed = false;
  response.once("close", () => {
    closed = true;
  });
  return {
    request,
    response,
    method: request.method ?? "",
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? "" : url.slice(mark + 1),
    host: header(":authority") ?? header("host"),
    header,
    http2: request.httpVersionMajor === 2,
    closed: () => closed,
  };
}

/** Tells a client that waits to be told (`expect: 100-continue`) to send its body. HTTP/2 clients have been told by Node. */
export function letBodyCome({ header, http2, response }: Exchange): void {
  if (!http2 && /^100-continue$/i.test(header("expect") ?? "")) response.writeContinue();
}

/**
 * Ends the answer. A request that is still being sent is taken off the wire and thrown away, since a closed connection could cost the client
 * the answer; but after `lingerMs` it is cut, as is after `stallMs` a client that takes nothing.
 */
export function endAnswer(
  { request, response, closed }: Exchange,
  limits: { readonly lingerMs: number; readonly stallMs: number },
): void {
  if (closed()) return;
  const stalled = startLate(limits.stallMs, () => response.destroy());
  response.once("close", stalled.clear);
  if (!request.complete) {
    const sending = startLate(limits.lingerMs, () => request.destroy());
    request.once("end", sending.clear).once("close", sending.clear);
    discard(request);
  }
  response.end();
}
