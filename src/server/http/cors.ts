import type { Guard } from "../guard.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Request headers a page may send: those of Connect and gRPC-Web (the `cors` export of @connectrpc/connect, which a test holds against this
 * list, since it would have to be loaded for every answer), and the keys'.
 */
export const ALLOWED_HEADERS: readonly string[] = [
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "connect-content-encoding",
  "connect-accept-encoding",
  "content-encoding",
  "accept-encoding",
  "grpc-message-type",
  "x-grpc-web",
  "x-user-agent",
  "grpc-timeout",
  "authorization",
  "x-api-key",
];

/** Response headers a page may read. */
export const EXPOSED_HEADERS: readonly string[] = [
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "content-encoding",
  "connect-content-encoding",
  "x-request-id",
  "retry-after",
];

/** How long a browser may remember a preflight, in seconds. */
const MAX_AGE_S = 7200;

/**
 * Writes the CORS headers of an answer. Only a page whose exact origin the guard allows gets any, never `*`; credentials (cookies) are never
 * allowed, since the platform has none.
 */
export function writeCors({ response, header, host }: Exchange, guard: Guard): void {
  const origin = header("origin");
  if (origin === undefined) return;
  response.setHeader("vary", "origin");
  if (!guard.allowsOrigin(origin, host)) return;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", EXPOSED_HEADERS.join(", "));
}

/** Adds what a preflight asks for: the methods of the route and the headers of every wire. */
export function writePreflight({ response }: Exchange, methods: readonly string[]): void {
  response.setHeader("access-control-allow-methods", methods.join(", "));
  response.setHeader("access-control-allow-headers", ALLOWED_HEADERS.join(", "));
  response.setHeader("access-control-max-age", MAX_AGE_S);
}
