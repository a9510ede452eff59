import type { ChatEvent } from "../contract/events.ts";
import type { CapabilitySupport, ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import type { Secret } from "../secret.ts";

/** How an adapter reaches its provider: its own lean HTTP exchange, or the provider's official SDK. */
export type Transport = "native" | "sdk";

/** Limits on one exchange with a provider, in milliseconds. */
export interface ProviderTimeouts {
  /** To connect, TLS included. */
  readonly connectMs: number;
  /** From the request to the response's headers. */
  readonly headersMs: number;
  /** Between two reads of the response. Does not run while our reader is slow. */
  readonly idleMs: number;
  /** From the request to the first content. Absent: no limit of its own. */
  readonly firstTokenMs?: number;
  /** From the request to the end of the answer. Absent: no limit of its own. */
  readonly totalMs?: number;
}

/** When the circuit breaker of a model opens. */
export interface ProviderBreaker {
  /** Failures in a row. */
  readonly failures: number;
  /** How long it stays open before one attempt tries again, in milliseconds. */
  readonly cooldownMs: number;
}

/** One model as the configuration names it for a provider instance. */
export interface ModelSettings {
  /** The provider's own word for the model. The configuration's key is an alias of it. */
  readonly id: string;
  /** What the operator declares of it; wins over what the adapter knows. */
  readonly capabilities: readonly CapabilitySupport[];
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  /** Peculiarities of this model; wins over the instance's. Read by the adapter. */
  readonly quirks: Readonly<Record<string, unknown>>;
}

/** One provider instance, resolved. Nothing below re-defaults it. */
export interface ProviderSettings {
  /** Name of the instance in the configuration. */
  readonly name: string;
  readonly kind: string;
  /** Absent: the kind's own default. */
  readonly baseUrl?: string;
  readonly apiKey?: Secret;
  /** Keys to use when the provider refuses the first. Absent: none. An adapter sees one key alone. */
  readonly moreApiKeys?: readonly Secret[];
  /** Headers to add to each request; values may be secret. */
  readonly headers: Readonly<Record<string, Secret>>;
  readonly transport: Transport;
  readonly timeouts: ProviderTimeouts;
  /** Retries of one call at one model. Absent: none. */
  readonly retries?: number;
  /** Absent: its models are tried whatever became of attempts before, and are not left alone when they limit their rate. */
  readonly breaker?: ProviderBreaker;
  /** Vendor's word of the region whose prices hold. Absent: what its base URL says, else wherever the vendor serves by default. */
  readonly region?: string;
  /** False if nobody bills for calls to it, so that they cost 0. Absent: they can cost money where the kind can. */
  readonly spends?: false;
  /** Alias or provider's word of the model used when neither request nor persona names one. Absent: the kind's own, if it has one. */
  readonly defaultModel?: string;
  /** By alias. A model that is not here is passed on verbatim. */
  readonly models: Readonly<Record<string, ModelSettings>>;
  /** Peculiarities of the server behind it, as data. Read by the adapter. */
  readonly quirks: Readonly<Record<string, unknown>>;
}

/** A request to a model, as an adapter sees it. */
export interface ModelRequest {
  readonly request: ChatRequest;
  /** The provider's own word for the model. */
  readonly model: string;
}

/** A request that an adapter has built and not sent. */
export interface Preview {
  /** What was left out: a chat of it would begin with these. */
  readonly warnings: readonly Warning[];
}

/** One attempt of one step, as an adapter sees it. */
export interface AttemptInput extends ModelRequest {
  /** Step of the call and attempt within the call, from 0. */
  readonly step: number;
  readonly attempt: number;
  /** What `preview` gave, so that nothing is built twice. Of no use for another request or model, or a second time; it is built then. */
  readonly preview?: Preview;
  /** Fires when the call is cancelled, its deadline passes, or the attempt is given up. Its reason is an ExecutionError. */
  readonly signal: AbortSignal;
  /** Called once when the provider's response headers arrive. */
  readonly onHeaders: () => void;
}

/**
 * One provider instance.
 *
 * `chat` yields arrays of unnumbered events, one array a provider read: warnings about what it left out, content, provider state, usage
 * (provisional while it may grow, then one final if the provider reported any) and, only once the provider's end marker was seen,
 * exactly one `finished` with `reason`, `providerReason` and `providerMessage` set and the rest left to the router. It never yields
 * `started` or `attempt_*`. It throws an ExecutionError; whatever ends it, the provider's request is closed when the iterator is.
 */
export interface Adapter {
  readonly settings: ProviderSettings;
  /** Vendor whose provider state, file ids and options it understands (`openai`, `openrouter` ...). */
  readonly owner: string;
  /** Vendor who bills, and whose prices count: another one than the owner where somebody else serves what the owner makes or speaks its wire. */
  readonly seller: string;
  /** Vendor's word of the region that it serves from, where one is known. Absent: wherever the vendor serves by default. */
  readonly region?: string;
  /** True if a call can cost money. */
  readonly spends: boolean;
  /** The model used when neither the request nor the persona names one. */
  readonly defaultModel?: string;
  /** Resolves an alias or a provider's word to the model and what is known of it. Never fails: an unknown model has unknown capabilities. */
  model(name: string): ModelCapabilities;
  /** The models the adapter knows or the configuration names. */
  models(): readonly ModelCapabilities[];
  /**
   * Builds what `chat` would send, which may be given it. Sends nothing, waits for nothing. Throws what `chat` would
   * throw before it sends: CAPABILITY_MISSING for what the model or the wire has no place for, INVALID_FIELD.
   */
  preview(input: ModelRequest): Preview;
  chat(input: AttemptInput): AsyncIterable<readonly ChatEvent[]>;
  /** Ends idle connections and waits for running exchanges to be closed. */
  close(): Promise<void>;
}

/** One thing wrong with an instance's configuration; `path` is relative to the instance (`quirks.end_marker`). */
export interface SettingsProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What adapters get from outside so that tests can hold them still. */
export interface AdapterDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A fresh id, unique in the process, for tool calls whose provider gives none. */
  readonly newId: () => string;
}

/** A kind of provider: what the registry lists. */
export interface AdapterKind {
  readonly kind: string;
  /** Base URL used when the instance names none; absent if the kind has no public endpoint. */
  readonly defaultBaseUrl?: string;
  /** Vendor's own variable that may hold a key (`OPENAI_API_KEY`); used only with `EP_USE_VENDOR_KEYS=1`. */
  readonly vendorKeyVariable?: string;
  /** True if an instance without a key is useless (and so is not made up from the environment). */
  readonly needsKey: boolean;
  /** Checks what the kind alone can check of an instance's settings. */
  check(settings: ProviderSettings): readonly SettingsProblem[];
  create(settings: ProviderSettings, deps: AdapterDeps): Adapter;
}
