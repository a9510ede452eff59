import type { LimitSettings } from "../../config/config.ts";

/** What a connection may take of the HTTP listener before it is closed. Sizes in bytes, times in milliseconds. */
export interface TransportLimits {
  /** Connections at once; more are dropped. */
  readonly maxConnections: number;
  /** From the connection (and its TLS handshake) to its first bytes. */
  readonly firstBytesMs: number;
  /** From a request's first byte to the end of its headers; also from an HTTP/2 preface to the first request. */
  readonly headersMs: number;
  /** From the end of a request's headers to the end of its body, unless it comes fast enough. */
  readonly requestMs: number;
  /** The same on HTTP/1.1, however fast it comes and whoever reads it. */
  readonly longestRequestMs: number;
  /** How long a connection without a request is kept. */
  readonly idleMs: number;
  /** How long a client may take nothing of an answer that waits for it. */
  readonly stallMs: number;
  /** How long a client may go on sending a request that was already answered; also how long a drain waits for connections to close. */
  readonly lingerMs: number;
  /** Largest header block. */
  readonly maxHeaderBytes: number;
  /** Most header fields of a request on HTTP/2. */
  readonly maxHeaders: number;
  /** What one HTTP/2 session may hold, in MB. */
  readonly maxSessionMemoryMb: number;
  /** Invalid frames before an HTTP/2 session is closed. */
  readonly maxInvalidFrames: number;
  /** Rejected streams before an HTTP/2 session is closed. */
  readonly maxRejectedStreams: number;
  /** Requests a client may reset on one HTTP/2 connection at once, and in a second for long, however far they are. */
  readonly maxResets: number;
  readonly resetsPerSecond: number;
  /** Largest request of the health and reflection services. */
  readonly maxServiceBytes: number;
}

/** The limits in force. Node's own defaults leave silent connections open for ever and take headers for a minute. */
export function transportLimits(limits: LimitSettings): TransportLimits {
  return {
    maxConnections: limits.maxConnections,
    firstBytesMs: limits.headerTimeoutMs,
    headersMs: limits.headerTimeoutMs,
    requestMs: limits.bodyTimeoutMs,
    longestRequestMs: 20 * 60_000,
    idleMs: 75_000,
    stallMs: limits.stallTimeoutMs,
    lingerMs: 2_000,
    maxHeaderBytes: 16_384,
    maxHeaders: 200,
    maxSessionMemoryMb: 10,
    maxInvalidFrames: 100,
    maxRejectedStreams: 50,
    maxResets: 1000,
    resetsPerSecond: 200,
    maxServiceBytes: 65_536,
  };
}
