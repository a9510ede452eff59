import { logVerbosity, type ServerOptions, setLogVerbosity } from "@grpc/grpc-js";
import type { LimitSettings } from "../../config/config.ts";

/** What a connection may take of the gRPC listener. Times in milliseconds. Streams a connection and message sizes are configuration. */
export interface TransportLimits {
  /** Connections at once; more are dropped. */
  readonly maxConnections: number;
  /** How long a connection may say nothing at first, or not answer the server's settings; with TLS, how long its handshake may take. */
  readonly firstBytesMs: number;
  /** How long a connection may go without a first call. */
  readonly firstRequestMs: number;
  /** How long a connection may be silent before it is pinged; one that does not speak HTTP/2 cannot answer. */
  readonly keepaliveMs: number;
  /** How long a ping may stay unanswered before the connection is closed. */
  readonly keepaliveTimeoutMs: number;
  /** How long a connection without streams is kept. */
  readonly idleMs: number;
  /** From the end of a call's headers to the end of its request, unless it comes fast enough. */
  readonly requestMs: number;
  /** How long a caller may take nothing of an answer that waits for it. */
  readonly stallMs: number;
  /** How long a caller may go on sending a request that was already answered; also how long closing waits for connections to end. */
  readonly lingerMs: number;
  /** Bytes of an answer that may wait for its reader before the next ones are asked for. */
  readonly maxWaitingBytes: number;
  /** What one HTTP/2 session may hold for sending, in MB. */
  readonly maxSessionMemoryMb: number;
  /** Largest request of the health and reflection services, in bytes. */
  readonly maxServiceRequestBytes: number;
  /** Largest response of these services. */
  readonly maxServiceBytes: number;
}

/** The limits in force. The library's own keep silent connections for ever and put no bound on streams and session memory. */
export function transportLimits(limits: LimitSettings): TransportLimits {
  return {
    maxConnections: limits.maxConnections,
    firstBytesMs: limits.headerTimeoutMs,
    firstRequestMs: 6 * limits.headerTimeoutMs,
    keepaliveMs: 30_000,
    keepaliveTimeoutMs: 10_000,
    idleMs: 300_000,
    requestMs: limits.bodyTimeoutMs,
    stallMs: limits.stallTimeoutMs,
    lingerMs: 2_000,
    maxWaitingBytes: 4 * 1024,
    maxSessionMemoryMb: 32,
    maxServiceRequestBytes: 64 * 1024,
    maxServiceBytes: 4 * 1024 * 1024,
  };
}

/** The options of a grpc-js server. Header blocks keep Node's bounds: 64 KiB and 128 fields, above which the stream is reset. */
export function serverOptions(limits: LimitSettings, transport: TransportLimits): ServerOptions {
  return {
    "grpc.max_receive_message_length": Math.max(limits.maxChatBytes, limits.maxMessageBytes),
    "grpc.max_send_message_length": transport.maxServiceBytes,
    "grpc.max_concurrent_streams": limits.maxStreamsPerConnection,
    "grpc.keepalive_time_ms": transport.keepaliveMs,
    "grpc.keepalive_timeout_ms": transport.keepaliveTimeoutMs,
    "grpc.max_connection_idle_ms": transport.idleMs,
    "grpc-node.max_session_memory": transport.maxSessionMemoryMb,
    // Its figures of each call and session are shown nowhere.
    "grpc.enable_channelz": 0,
  };
}

/** Stops grpc-js from writing to standard error: it prints the values of headers it cannot use, API keys among them. */
export function silenceLibraryLog(): void {
  setLogVerbosity(logVerbosity.NONE);
}
