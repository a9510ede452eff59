import type { ProviderBreaker, ProviderSettings } from "../adapters/adapter.ts";
import type { AlertSettings } from "../alert.ts";
import type { Capability } from "../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import type { Role } from "../gen/execution/v1/options_pb.js";
import type { Limit } from "../limit.ts";
import type { Secret } from "../secret.ts";

/**
 * Where a value comes from: `default`, `file:LINE` of the configuration file, `environment:NAME`, `environment:NAME (.env:LINE)` if an `.env` file
 * sets the variable, or `persona-map:KEY`. Tenant, persona and request add theirs when a call is resolved.
 */
export type ValueOrigin = string;

/** One place a persona may be served. */
export interface CandidateSettings {
  /** Name of a provider instance. */
  readonly provider: string;
  /** Alias or provider's word. Absent: the instance's default model. */
  readonly model?: string;
  /** How often it is tried first, beside the others, where the persona's strategy looks at weights. Absent: 1, as all. */
  readonly weight?: number;
}

/** Which of its candidates a persona tries first. */
export type Strategy = "ordered" | "weighted" | "latency" | "cost" | "sticky";

/** When a second candidate is started beside one that has not begun to answer. */
export interface HedgeSettings {
  /** Bounds of the wait, which is the first one's 95th percentile of the time to first content. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Most that the second may be expected to cost. */
  readonly maxCostNanoUsd: bigint;
}

/** How a persona's calls go through its candidates. */
export interface RoutingSettings {
  readonly strategy: Strategy;
  /** Retries of one call at one candidate. Absent: as the provider instance says. */
  readonly retries?: number;
  /** What its calls make of the candidates' breakers; what is absent is as the provider instance says. */
  readonly breaker?: Partial<ProviderBreaker>;
  /** Absent: no candidate is started beside another. */
  readonly hedge?: HedgeSettings;
  /** Whether another candidate may go on with a text that breaks off. */
  readonly continuation: boolean;
  /** Whether a request that one provider's content policy blocks may go to the next candidate. */
  readonly fallBackOnBlock: boolean;
}

/** Fields of a request that defaults, tenant and persona may set. */
export type RequestDefaults = Readonly<
  Pick<
    ChatRequest,
    | "sampling"
    | "reasoning"
    | "verbosity"
    | "serviceTier"
    | "parallelToolCalls"
    | "store"
    | "maxToolTier"
    | "fallbackPolicy"
  >
>;

/** What one layer says of a call. Absent: the layer below says it. */
export interface CallSettings extends Partial<RequestDefaults> {
  /** Sent before the caller's messages as a system message of its own. */
  readonly system?: string;
  /** What a candidate must be known to have. */
  readonly requires?: readonly Capability[];
  /** Total time of a call without a deadline of its own, in milliseconds. Absent in all layers: the platform's. */
  readonly timeoutMs?: number;
}

/** One persona. */
export interface PersonaSettings extends CallSettings {
  readonly name: string;
  /** In order of preference; at least one. */
  readonly candidates: readonly CandidateSettings[];
  /** Absent: in order, and nothing that has to be asked for. */
  readonly routing?: RoutingSettings;
}

/** What a key or a tenant may use. Absent: all. */
export interface Scope {
  readonly personas?: readonly string[];
  /** Provider instances that may be named or routed to. */
  readonly providers?: readonly string[];
  /** Models that may be named or routed to, by alias or provider's word. */
  readonly models?: readonly string[];
}

/** One tenant. */
export interface TenantSettings extends CallSettings, Scope {
  readonly name: string;
  /** Persona of requests that name none. Absent: `default`. */
  readonly defaultPersona?: string;
}

/** One API key, stored as its hash. Its scope lies within its tenant's. */
export interface KeySettings extends Scope {
  /** Name in logs and ledger. */
  readonly name: string;
  /** SHA-256 of the key, lower-case hex. */
  readonly sha256: string;
  readonly tenant: string;
  readonly roles: readonly Role[];
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
  /** Calls that stream or spend that the process runs at once, in all and of one API key. Absent: a key has no bound of its own. */
  readonly maxCalls: number;
  readonly maxCallsPerKey?: number;
  /** How late the event loop may be, smoothed, in milliseconds, before calls that spend are refused. */
  readonly maxLagMs: number;
  /** Memory the process may have, resident. Absent: the container's limit, if there is one. */
  readonly maxMemoryBytes?: number;
  /** Streams an HTTP/2 connection may have open. */
  readonly maxStreamsPerConnection: number;
  /** Connections a listener has at once, in all and from one address. */
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  /** Addresses and subnets (`10.0.0.0/8`) that stand for many callers: neither counted as one peer nor locked out. */
  readonly trustedPeers: readonly string[];
  /** How long an address that floods a listener cannot connect to it, in milliseconds. */
  readonly lockOutMs: number;
  /** From a connection to its first bytes, and from a request's first byte to the end of its headers, in milliseconds. */
  readonly headerTimeoutMs: number;
  /** From the end of a request's headers to the end of its body, in milliseconds, unless it comes fast enough. */
  readonly bodyTimeoutMs: number;
  /** How long a caller may take nothing of an answer that waits for it, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Deadline of a call that brings none, in milliseconds. */
  readonly defaultDeadlineMs: number;
  /** Longest deadline; a longer one is cut to it. */
  readonly maxDeadlineMs: number;
  /** How long a drain waits for running calls, in milliseconds. */
  readonly drainMs: number;
}

/** What is kept of streams, and what goes on without a reader. */
export interface StreamSettings {
  /** How long the log of a stream is kept when it has ended, in milliseconds. */
  readonly keepLogMs: number;
  readonly maxLogBytes: number;
  /** Bytes of all logs of the process. */
  readonly maxLogMemoryBytes: number;
  /** How long a call that continues goes on without a reader, in milliseconds, and how many may at once. */
  readonly continueMs: number;
  readonly maxContinued: number;
  /** How long a process that stops goes on for callers that have gone to a peer, in milliseconds. */
  readonly handOverMs: number;
}

/** What attempts cost, and how long what is kept of it. */
export interface LedgerSettings {
  readonly store: "sqlite" | "postgres" | "memory";
  /** Where a store that is in files has them, absolute. */
  readonly directory: string;
  /** How long rows and the sums of minutes and hours are kept, in milliseconds; sums of days are kept for ever. */
  readonly keepRowsMs: number;
  readonly keepMinutesMs: number;
  readonly keepHoursMs: number;
  /** Names of metadata by whose values sums are kept apart. */
  readonly metadataKeys: readonly string[];
  /** Most rows that wait in files for a database. */
  readonly maxSpoolRows: number;
  /** Of the store that is in a database. */
  readonly database?: DatabaseAddress;
}

/** Where a database is, and how it is spoken to. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty if it needs none. */
  readonly password: Secret;
  readonly database: string;
  /** `off`: in the clear. `encrypted`: whoever answers. `verified`: only who has a certificate for the host. */
  readonly tls: "off" | "encrypted" | "verified";
  /** Certificates (PEM) of the authorities that may vouch for it. Absent: those that Node brings. */
  readonly certificateAuthority?: string;
}

/** A rule of the operator's own prices: what some models cost under some conditions. */
export interface OwnPriceRule {
  readonly models: readonly string[];
  /** First UTC day, and first day no more, `YYYY-MM-DD`. Absent: from the beginning, until further notice. */
  readonly from?: string;
  readonly to?: string;
  /** Input tokens above which it holds. Absent: whatever the input. */
  readonly inputOver?: number;
  /** Vendor's word. Absent: its standard tier. */
  readonly serviceTier?: string;
  /** Absent: for all calls but those of the batch API. */
  readonly batch?: true;
  /** Vendor's word; `*` is any that has no rule of its own. */
  readonly region: string;
  /** US dollars per million tokens, as decimal numbers, by the price tables' words for buckets. */
  readonly rates: Readonly<Record<string, string>>;
  /** US dollars per unit of what is billed beside tokens. */
  readonly extras?: Readonly<Record<string, string>>;
  readonly requestFees?: readonly string[];
  /** Why it is not the list price. */
  readonly reason?: string;
}

/** The operator's own prices, which lie over the built-in ones. */
export interface OwnPriceSettings {
  /** By vendor: the one behind an instance. */
  readonly vendors: Readonly<Record<string, readonly OwnPriceRule[]>>;
  readonly instances: Readonly<Record<string, readonly OwnPriceRule[]>>;
}

/** The whole configuration, resolved and frozen. Every default is filled in here; nothing below re-defaults. */
export interface Config {
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly personas: Readonly<Record<string, PersonaSettings>>;
  /** Tenants that have settings of their own; there may be others. */
  readonly tenants: Readonly<Record<string, TenantSettings>>;
  /** What holds for every call unless another layer says otherwise. */
  readonly defaults: CallSettings;
  readonly keys: readonly KeySettings[];
  readonly grpc: ListenerSettings;
  readonly http: ListenerSettings;
  /** Absent: there is no admin listener. */
  readonly admin?: ListenerSettings;
  /** Host names the HTTP and gRPC listeners answer to beside loopback names. Empty with keys: any. */
  readonly allowedHosts: readonly string[];
  /** Browser origins that may call, exact (`https://app.example`). Loopback origins are not implied. */
  readonly allowedOrigins: readonly string[];
  readonly limits: LimitSettings;
  /** What may be used, by whom and in which time. */
  readonly budgets: readonly Limit[];
  /** Who is told when budgets are nearly used up. */
  readonly alerts: readonly AlertSettings[];
  readonly streams: StreamSettings;
  readonly ledger: LedgerSettings;
  /** Server that processes share their state on. Absent: each process keeps its own. */
  readonly state?: {
    readonly url: Secret;
    /** What each hard budget in money may use in a process and window while the server cannot be reached. Absent: hard limits let nothing through. */
    readonly outageNanoUsd?: bigint;
  };
  /** Absent: the built-in prices alone. */
  readonly prices?: OwnPriceSettings;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  /** Where every value comes from, by its path in the file (`personas.reviewer.candidates[0].model`). A path that is missing is a default. */
  readonly origins: ReadonlyMap<string, ValueOrigin>;
}
