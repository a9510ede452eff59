import type { ProviderSettings } from "../adapters/adapter.ts";
import type { Capability } from "../gen/execution/v1/capabilities_pb.js";
import type { Sampling } from "../gen/execution/v1/chat_pb.js";
import type { Role } from "../gen/execution/v1/options_pb.js";
import type { Secret } from "../secret.ts";

/**
 * Where a value comes from: `default`, `file:LINE` of the configuration file, `environment:NAME`, or `environment:NAME (.env:LINE)` if an `.env`
 * file sets the variable. Persona and request add theirs when a call is resolved.
 */
export type ValueOrigin = string;

/** One place a persona may be served. */
export interface CandidateSettings {
  /** Name of a provider instance. */
  readonly provider: string;
  /** Alias or provider's word. Absent: the instance's default model. */
  readonly model?: string;
}

/** One persona. */
export interface PersonaSettings {
  readonly name: string;
  /** Sent before the caller's messages as a system message of its own. */
  readonly system?: string;
  /** What a candidate must be known to have. */
  readonly requires: readonly Capability[];
  /** In order of preference; at least one. */
  readonly candidates: readonly CandidateSettings[];
  /** Used where the request leaves a field out. */
  readonly sampling?: Sampling;
  /** Weakest way tools may be offered, 1 to 3. */
  readonly maxToolTier: 1 | 2 | 3;
  /** Total time of a call without a deadline of its own, in milliseconds. Absent: the platform's. */
  readonly timeoutMs?: number;
}

/** One API key, stored as its hash. */
export interface KeySettings {
  /** Name in logs and ledger. */
  readonly name: string;
  /** SHA-256 of the key, lower-case hex. */
  readonly sha256: string;
  readonly tenant: string;
  readonly roles: readonly Role[];
  /** Personas it may use. Absent: all. */
  readonly personas?: readonly string[];
  /** Provider instances it may name or be routed to. Absent: all. */
  readonly providers?: readonly string[];
  /** Models it may name or be routed to, by alias or provider's word. Absent: all. */
  readonly models?: readonly string[];
  /** Whether it may send provider_options_json. Default false. */
  readonly providerOptions: boolean;
}

/** Certificate and key of a TLS listener, PEM text. */
export interface TlsSettings {
  readonly certificate: string;
  readonly key: Secret;
}

/** One listener. */
export interface ListenerSettings {
  /** Address to bind. Off loopback needs API keys, and TLS or `tls_terminated_by_proxy`. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly tls?: TlsSettings;
}

/** Limits that protect the process. */
export interface LimitSettings {
  /** Largest ChatRequest, serialized, in bytes. */
  readonly maxChatBytes: number;
  /** Largest request of any other RPC. */
  readonly maxMessageBytes: number;
  /** Request bytes the process holds at once, over all calls. */
  readonly maxBytesInFlight: number;
  /** Streams an HTTP/2 connection may have open. */
  readonly maxStreamsPerConnection: number;
  /** Deadline of a call that brings none, in milliseconds. */
  readonly defaultDeadlineMs: number;
  /** Longest deadline; a longer one is cut to it. */
  readonly maxDeadlineMs: number;
  /** How long a drain waits for running calls, in milliseconds. */
  readonly drainMs: number;
}

/** The whole configuration, resolved and frozen. Every default is filled in here; nothing below re-defaults. */
export interface Config {
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly personas: Readonly<Record<string, PersonaSettings>>;
  readonly keys: readonly KeySettings[];
  readonly grpc: ListenerSettings;
  readonly http: ListenerSettings;
  /** Host names the HTTP and gRPC listeners answer to beside loopback names. Empty with keys: any. */
  readonly allowedHosts: readonly string[];
  /** Browser origins that may call, exact (`https://app.example`). Loopback origins are not implied. */
  readonly allowedOrigins: readonly string[];
  readonly limits: LimitSettings;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  /** Where every value comes from, by its path in the file (`personas.reviewer.candidates[0].model`). A path that is missing is a default. */
  readonly origins: ReadonlyMap<string, ValueOrigin>;
}
