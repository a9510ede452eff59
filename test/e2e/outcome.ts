import { create, createRegistry, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { fold } from "../../src/contract/fold.ts";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import { type ChatResponse, ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageSchema } from "../../src/gen/execution/v1/content_pb.js";
import { ChatFailureSchema } from "../../src/gen/execution/v1/errors_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.js";

/** One event of the short form of SSE. */
export interface ShortEvent {
  readonly event: string;
  readonly data: JsonValue;
}

/** A failure as a client of a wire was told it. Without details it is the client's own. */
export interface Failure {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

/** What a client of a wire was told. */
export interface Outcome {
  readonly events: readonly ChatResponse[];
  /** In place of events, on the wire that has another form of them. */
  readonly shortEvents?: readonly ShortEvent[];
  readonly failure?: Failure | undefined;
}

/** A failure whose details are decoded. */
export interface NormalFailure {
  readonly code: string;
  readonly message: string;
  /** Every detail in ProtoJSON, in order. */
  readonly details: readonly JsonValue[];
}

/** An outcome without what differs between two runs of the same call. */
export interface NormalOutcome {
  readonly events: readonly JsonValue[];
  /** What the events fold to, in ProtoJSON; none where the wire has another form of events. */
  readonly messages: readonly JsonValue[];
  readonly failure: NormalFailure | null;
}

/** The types of details a failure may have; one of another type fails the test. */
export const DETAILS = createRegistry(
  ErrorInfoSchema,
  RetryInfoSchema,
  BadRequestSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ChatFailureSchema,
);

/** Makes a detail of a type's name, with or without its address, and its bytes. */
export function detail(type: string, value: Uint8Array): Any {
  return create(AnySchema, { typeUrl: `type.googleapis.com/${type.slice(type.lastIndexOf("/") + 1)}`, value });
}

/**
 * Replaces what differs between two runs of the same call. Ids become their order of appearance, so that two that must be the same are still
 * compared; durations become 0, so that their presence is.
 */
export function normalise({ events, shortEvents, failure }: Outcome): NormalOutcome {
  const scrub = createScrubber();
  const json = shortEvents?.map(({ event, data }): JsonValue => ({ event, data }));
  return {
    events: (json ?? events.map((event) => toJson(ChatResponseSchema, event))).map((event) => scrub(event)),
    messages: fold(events).map((message) => scrub(toJson(MessageSchema, message))),
    failure: failure === undefined ? null : normaliseFailure(failure, scrub),
  };
}

/** Says what a stream breaks of the contract's invariants; undefined if nothing. */
export function brokenInvariant({ events, failure }: Outcome): string | undefined {
  const checker = createInvariantChecker();
  const problems = events.map((event) => checker.next(event));
  problems.push(checker.end(failure === undefined ? "success" : "error"));
  return problems.find((problem) => problem !== undefined);
}

type Scrub = (value: JsonValue, key?: string) => JsonValue;

function normaliseFailure({ code, message, details }: Failure, scrub: Scrub): NormalFailure {
  const decoded = details.map((any) => {
    if (anyUnpack(any, DETAILS) === undefined) throw new Error(`a detail of unknown type ${any.typeUrl}`);
    return scrub(toJson(AnySchema, any, { registry: DETAILS }));
  });
  return { code: Code[code] ?? String(code), message: scrubText(message), details: decoded };
}

const RUN_IDS = new Set(["requestId", "request_id", "streamId", "stream_id", "resumeToken", "resume_token"]);
const DURATIONS = new Set(["headersMs", "firstContentMs", "totalMs"]);
/** Ids the platform makes for tool calls without one. */
const MINTED = /^[0-9a-f]{32}$/;

function createScrubber(): Scrub {
  const known = new Map<string, string>();
  // Each kind is counted for itself: forms differ in the order they name ids in.
  const idOf = (value: string, kind: string): string => {
    const before = [...known.values()].filter((name) => name.startsWith(kind)).length;
    const name = known.get(value) ?? `${kind} ${before + 1}`;
    known.set(value, name);
    return name;
  };
  const scrub: Scrub = (value, key = "") => {
    if (typeof value === "string") {
      if (value !== "" && RUN_IDS.has(key)) return idOf(value, key.toLowerCase().replace("_", ""));
      return MINTED.test(value) ? idOf(value, "minted id") : value;
    }
    if (typeof value === "number") return DURATIONS.has(key) ? 0 : value;
    if (Array.isArray(value)) return value.map((member) => scrub(member));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, scrub(member, name)]));
  };
  return scrub;
}

/** Sizes and times that depend on the encoding and on the client. */
function scrubText(text: string): string {
  return text.replace(/\b\d+ bytes; /, "N bytes; ").replace(/within its [\d.]+ ms/, "within its N ms");
}
