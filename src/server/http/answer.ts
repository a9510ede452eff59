import type { Status } from "../../gen/google/rpc/status_pb.js";
import { type Exchange, endAnswer } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import { problemDocument } from "./problem.ts";

/** Headers of every answer: nothing is cached, guessed or framed. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Sends a whole JSON answer. A HEAD request gets its headers only. */
export function sendJson(
  exchange: Exchange,
  limits: TransportLimits,
  body: unknown,
  { status = 200, type = "application/json" }: { readonly status?: number; readonly type?: string } = {},
): void {
  const { response, method } = exchange;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`, "utf8");
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  if (method !== "HEAD") response.write(bytes);
  endAnswer(exchange, limits);
}

/** Sends a failure as a problem document, with the headers HTTP has for it. Does nothing once an answer was begun. */
export function sendProblem(exchange: Exchange, limits: TransportLimits, status: Status, httpStatus?: number): void {
  const { response } = exchange;
  if (response.headersSent || exchange.closed()) return;
  const problem = problemDocument(status, httpStatus);
  response.setHeader("x-request-id", problem.request_id);
  if (problem.status === 401) response.setHeader("www-authenticate", "Bearer");
  if (problem.retry_after_ms !== undefined) {
    response.setHeader("retry-after", Math.ceil(problem.retry_after_ms / 1000));
  }
  sendJson(exchange, limits, problem, { status: problem.status, type: "application/problem+json" });
}
