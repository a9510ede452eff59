import type { IncomingMessage } from "node:http";
import type { JsonValue, ReceivedRequest, RequestOutcome } from "./exchange.ts";

/** The emulator's own, writable side of a `ReceivedRequest`. */
export interface RequestRecord {
  /** What tests see; it changes as the request goes on. */
  readonly received: ReceivedRequest;
  /** Resolves when the body has arrived, or when the request is over without it. */
  readonly settled: Promise<void>;
  /** Aborted when the request is over. */
  readonly signal: AbortSignal;
  setBody(rawBody: Uint8Array): void;
  addSentBytes(bytes: number): void;
  /** Says that the connection is about to be broken on purpose: the outcome is then "cut". */
  cut(): void;
  close(how: Exclude<RequestOutcome, "cut">, closedAtMs: number): void;
}

function parseJson(rawBody: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(rawBody)) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Starts the record of a request whose headers have arrived. */
export function createRequestRecord(
  request: IncomingMessage,
  place: { readonly index: number; readonly connection: number; readonly receivedAtMs: number },
): RequestRecord {
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<RequestOutcome>();
  const { promise: settled, resolve: resolveSettled } = Promise.withResolvers<void>();
  const controller = new AbortController();
  let isCut = false;
  // The target is usually a path; one that no URL parser takes is kept as it came.
  const target = request.url ?? "";
  const queryStart = target.indexOf("?");
  const received: { -readonly [Key in keyof ReceivedRequest]: ReceivedRequest[Key] } = {
    ...place,
    method: request.method ?? "",
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: new URLSearchParams(queryStart < 0 ? "" : target.slice(queryStart + 1)),
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    rawBody: new Uint8Array(),
    json: undefined,
    sentBytes: 0,
    closedAtMs: undefined,
    how: undefined,
    closed,
  };
  return {
    received,
    settled,
    signal: controller.signal,
    setBody(rawBody) {
      received.rawBody = rawBody;
      received.json = parseJson(rawBody);
      resolveSettled();
    },
    addSentBytes(bytes) {
      received.sentBytes += bytes;
    },
    cut() {
      isCut = true;
    },
    close(closedHow, closedAtMs) {
      const how = isCut ? "cut" : closedHow;
      received.how = how;
      received.closedAtMs = closedAtMs;
      controller.abort();
      resolveSettled();
      resolveClosed(how);
    },
  };
}
