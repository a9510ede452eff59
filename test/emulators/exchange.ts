import type { IncomingHttpHeaders } from "node:http";

/** Any value that JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How a cut ends the connection; without either field a FIN arrives where the rest of the body should be. */
export type CutEnding =
  /** `clean` ends the body properly after what was sent: truncated, yet faultless HTTP. */
  | { readonly clean: true; readonly reset?: never }
  /** `reset` sends a RST once the kernel has taken the bytes; a slow reader may lose the last of them, as in life. */
  | { readonly clean?: false; readonly reset?: boolean };

/**
 * How the bytes of a body reach the socket. An "event" is one SSE event that carries data, or an element of a body that
 * is a JSON array; comments and empty events travel on their own but are not counted. Every piece is written in an event-loop turn of its own, the
 * socket has no Nagle delay, and a slow reader holds the next write back.
 */
export type Delivery =
  /** Lossless: the body in one write; with a content-length unless it is an event stream. */
  | { readonly kind: "whole" }
  /** Lossless: one SSE event a write, `delayMs` (default 0) between two of them. */
  | { readonly kind: "event-per-write"; readonly delayMs?: number }
  /** Lossless: one byte a write; without a timer, so that 100 KiB take seconds and not minutes. */
  | { readonly kind: "byte-per-write" }
  /**
   * Lossless: pieces of random size, some of them inside a UTF-8 character, a CRLF or a blank line wherever the body
   * has one. The same `seed` (default: drawn from the emulator's own) gives the same pieces.
   */
  | { readonly kind: "random-splits"; readonly seed?: number }
  /** `events` SSE events one a write, then the end that `CutEnding` says, even where nothing is missing. */
  | ({ readonly kind: "cut-after-events"; readonly events: number } & CutEnding)
  /** The first `bytes` bytes in one write, then the end that `CutEnding` says. */
  | ({ readonly kind: "cut-after-bytes"; readonly bytes: number } & CutEnding)
  /** The headers and `events` SSE events, then silence until the client leaves. */
  | { readonly kind: "stall-after-events"; readonly events: number }
  /** The request is read and never answered. */
  | { readonly kind: "hold-headers" }
  /** The request is read, then the connection closes (`reset`: by RST) before any byte of an answer. */
  | { readonly kind: "drop-before-headers"; readonly reset?: boolean };

/** One scripted answer. */
export interface Exchange {
  /** HTTP status; default 200. */
  readonly status?: number;
  /** Response headers; those in `framingHeaders` are ignored, because the delivery decides them. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The body's bytes, unencoded unless `headers` says otherwise; default none. */
  readonly body?: Uint8Array;
  /** Default `{ kind: "whole" }`. */
  readonly delivery?: Delivery;
}

/** Header names that describe one connection or one framing, so that replaying them would contradict the delivery. */
export const framingHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Why a request is over: "completed" the whole answer was handed to the kernel (a clean cut counts, so does the
 * emulator's own refusal), "cut" the emulator broke the connection as scripted, "client-closed" the client left first,
 * "emulator-closed" the emulator was closed meanwhile.
 */
export type RequestOutcome = "completed" | "cut" | "client-closed" | "emulator-closed";

/** What the emulator knows of one request; it is live, so later fields fill in while the request runs. */
export interface ReceivedRequest {
  /** Order of arrival, from 0. */
  readonly index: number;
  /** Which TCP connection carried it, from 0 in order of acceptance: equal numbers are a reused connection. */
  readonly connection: number;
  readonly method: string;
  /** The path as sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case, as `node:http` joins them. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value ... as sent. */
  readonly rawHeaders: readonly string[];
  /** The body as sent; empty until it has arrived in full. */
  readonly rawBody: Uint8Array;
  /** The parsed body; undefined until it has arrived and where it is not JSON. */
  readonly json: JsonValue | undefined;
  /** Milliseconds since the epoch, monotonic within a process, when the headers had arrived. */
  readonly receivedAtMs: number;
  /** Bytes of the answer's body given to the socket so far: it stands still while a slow reader holds the answer back. */
  readonly sentBytes: number;
  /** Same clock as `receivedAtMs`; undefined while the request runs. */
  readonly closedAtMs: number | undefined;
  /** Undefined while the request runs. */
  readonly how: RequestOutcome | undefined;
  /** Resolves, never rejects, when the request is over. */
  readonly closed: Promise<RequestOutcome>;
}

/** Chooses the answer to a request from what came over the wire, and from nothing else. */
export type Answer = (received: ReceivedRequest) => Exchange | Promise<Exchange>;
