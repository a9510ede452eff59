import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderLookup } from "../auth.ts";

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
  return {
    request,
    response,
    method: request.method ?? "",
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? "" : url.slice(mark + 1),
    host: header(":authority") ?? header("host"),
    header,
    http2: request.httpVersionMajor === 2,
  };
}

/**
 * Ends the answer. A request that is still being sent is taken off the wire and thrown away, since a closed connection could cost the client
 * the answer; but after `lingerMs` it is cut, as is after `stallMs` a client that takes nothing.
 */
export function endAnswer(
  { request, response }: Exchange,
  limits: { readonly lingerMs: number; readonly stallMs: number },
): void {
  const cut = request.complete ? undefined : setTimeout(() => request.complete || request.destroy(), limits.lingerMs);
  const stalled = setTimeout(() => response.destroy(), limits.stallMs);
  const settle = (): void => {
    clearTimeout(cut);
    clearTimeout(stalled);
  };
  response.once("close", () => clearTimeout(stalled));
  request.once("end", () => clearTimeout(cut));
  request.once("close", settle);
  if (response.closed) settle();
  if (!request.complete) request.resume();
  response.end();
}
