import type { Adapter, Preview } from "../adapters/adapter.ts";
import type { RoutingSettings } from "../config/config.ts";
import type { ChatEvent } from "../contract/events.ts";
import type { ExecutionError } from "../errors.ts";
import type { ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import type { Role } from "../gen/execution/v1/options_pb.js";
import type { AttemptSummary } from "../gen/execution/v1/usage_pb.js";

/** Who calls, as authentication found. */
export interface Principal {
  readonly tenant: string;
  /** Name of the key, `anonymous` on an open loopback listener. */
  readonly key: string;
  readonly roles: readonly Role[];
  /** Absent: all. */
  readonly personas?: readonly string[];
  readonly providers?: readonly string[];
  readonly models?: readonly string[];
  readonly providerOptions: boolean;
}

/** What every RPC gets from its wire. */
export interface CallContext {
  readonly requestId: string;
  readonly principal: Principal;
  /** Fires when the client leaves, the deadline passes, or the server stops. Its reason is an ExecutionError. */
  readonly signal: AbortSignal;
  /** Makes this many milliseconds from its start the call's time, unless the caller brought a deadline of its own. */
  readonly limitTotal: (totalMs: number) => void;
  /** Milliseconds that are left until the call is to be ended, whether its caller is still there or not. */
  readonly remainingMs: () => number;
  /** Ends the RPC with an error: the signal fires with it. */
  readonly end: (error: ExecutionError) => void;
}

/**
 * One value a call runs with, as JSON can hold it, and where it comes from: `default`, `file:LINE`, `environment:NAME`, `tenant (file:LINE)`,
 * `persona (file:LINE)`, `request`.
 */
export interface ResolvedValue {
  readonly value: unknown;
  readonly origin: string;
}

/** One place that can serve the call. */
export interface ResolvedCandidate {
  readonly adapter: Adapter;
  readonly model: ModelCapabilities;
  /** 1 native, 2 simulated, 3 prompt; 0 if the request has no tools. */
  readonly toolTier: number;
  /** What the caller should know should this candidate serve. */
  readonly warnings: readonly Warning[];
  /** What its adapter has built of the request; absent if it was not asked yet. */
  readonly preview?: Preview;
}

/** What a request was resolved to: the persona, the request with what defaults, tenant and persona say in it, and who can serve it. Frozen. */
export interface Resolved {
  readonly persona: string;
  readonly request: ChatRequest;
  /** Total time of a call that brings no deadline, in milliseconds. Absent: the platform's. */
  readonly timeoutMs?: number;
  /** In order of preference; at least one. */
  readonly candidates: readonly ResolvedCandidate[];
  /** How the call goes through them. */
  readonly routing: RoutingSettings;
  /** Every value the call runs with, by its path in the file (`sampling.top_p`). Made when it is asked for. */
  readonly values: () => ReadonlyMap<string, ResolvedValue>;
}

/** What has happened in a call so far. The stages that act write it; the stream's end reads it. */
export interface CallRecord {
  /** Every attempt, the running one last. */
  readonly attempts: AttemptSummary[];
  /** True once content was handed on. */
  contentSent: boolean;
  /** Milliseconds from the call's start to its first content. */
  firstContentMs: number | undefined;
  /** Version of the prices that an attempt was priced by; empty if none was. */
  priceVersion: string;
}

/** One Chat on its way through the stages. */
export interface Call {
  readonly context: CallContext;
  /** The request as it came. */
  readonly asked: ChatRequest;
  readonly resolved: Resolved;
  readonly streamId: string;
  /** Which of its turns this is, from 0. */
  readonly step: number;
  readonly record: CallRecord;
  /** Whole milliseconds since the call began. */
  readonly elapsedMs: () => number;
}

/** What a stage hands on to. */
export type Next = (call: Call) => AsyncIterable<readonly ChatEvent[]>;

/** A policy: a call in, arrays of events out, one array a provider read. */
export type Stage = (call: Call, next: Next) => AsyncIterable<readonly ChatEvent[]>;
