import {
  create,
  createRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
  toJsonString,
} from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponse,
  ChatResponseSchema,
} from "../../../src/gen/execution/v1/chat_pb.js";
import { ChatFailureSchema } from "../../../src/gen/execution/v1/errors_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { type Answer, envelope, parseSse, type Running, type Sent, send, send2, withSession } from "./setup.ts";

/** A failure as a wire told it. */
export interface WireError {
  /** Canonical code by name. */
  readonly code: string;
  readonly message: string;
  /** The details as ProtoJSON with their type, ids and times of the run taken out. */
  readonly details: readonly JsonValue[];
}

/** What came of a call. */
export interface WireOutcome {
  readonly status: number;
  readonly events: readonly ChatResponse[];
  readonly error: WireError | undefined;
}

/** One way to call Chat. Bodies are sent as they are, so that they can be bad. */
export interface Wire {
  readonly name: string;
  /** `json` or `binary`: what the message has to be encoded in. */
  readonly format: "binary" | "json";
  readonly timeoutHeader: "connect-timeout-ms" | "grpc-timeout";
  call(running: Running, message: Uint8Array, headers?: Record<string, string>): Promise<WireOutcome>;
}

const registry = createRegistry(
  ErrorInfoSchema,
  RetryInfoSchema,
  BadRequestSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ChatFailureSchema,
);

/** Every wire of the HTTP listener, in both formats, over both versions of HTTP. */
export const WIRES: readonly Wire[] = [
  ...connectWires("connect+proto", "binary"),
  ...connectWires("connect+json", "json"),
  ...grpcWebWires("grpc-web+proto", "binary"),
  ...grpcWebWires("grpc-web+json", "json"),
  grpcWire("grpc+proto", "binary"),
  grpcWire("grpc+json", "json"),
  ...([1, 2] as const).map((version) => sseWire(version)),
];

/** Encodes a request for a wire. */
export function encode(wire: Pick<Wire, "format">, request: ChatRequest): Uint8Array {
  return wire.format === "binary"
    ? toBinary(ChatRequestSchema, request)
    : Buffer.from(toJsonString(ChatRequestSchema, request));
}

/** Calls Chat, and throws if the stream breaks an invariant of the contract. */
export async function chat(
  wire: Wire,
  running: Running,
  request: ChatRequest,
  headers?: Record<string, string>,
): Promise<WireOutcome> {
  const outcome = await wire.call(running, encode(wire, request), headers);
  const checker = createInvariantChecker();
  const problems = outcome.events.map((event) => checker.next(event));
  problems.push(checker.end(outcome.error === undefined ? "success" : "error"));
  const problem = problems.find((each) => each !== undefined);
  if (problem !== undefined) throw new Error(`${wire.name} breaks an invariant: ${problem}`);
  return outcome;
}

/** Events without what differs between two runs of the same call: ids and times. */
export function comparable(events: readonly ChatResponse[]): JsonValue[] {
  return events.map((event) => scrub(toJson(ChatResponseSchema, event)));
}

function connectWires(subtype: string, format: Wire["format"]): Wire[] {
  return ([1, 2] as const).map((version) => ({
    name: `${subtype} over HTTP/${version}`,
    format,
    timeoutHeader: "connect-timeout-ms",
    call: async (running, message, headers = {}) => {
      const answer = await exchange(version, running, {
        headers: { "content-type": `application/${subtype}`, ...headers },
        body: envelope(message),
      });
      const frames = envelopes(answer.body);
      const end = frames.find(({ flag }) => flag === 2);
      if (end === undefined) throw new Error(`no end of stream: ${answer.status} ${answer.text}`);
      const { error } = JSON.parse(end.bytes.toString("utf8"));
      return { status: answer.status, events: decodeEvents(frames, format), error: error && connectError(error) };
    },
  }));
}

function grpcWebWires(subtype: string, format: Wire["format"]): Wire[] {
  return ([1, 2] as const).map((version) => ({
    name: `${subtype} over HTTP/${version}`,
    format,
    timeoutHeader: "grpc-timeout",
    call: async (running, message, headers = {}) => {
      const answer = await exchange(version, running, {
        headers: { "content-type": `application/${subtype}`, ...headers },
        body: envelope(message),
      });
      const frames = envelopes(answer.body);
      const end = frames.find(({ flag }) => flag === 0x80);
      if (end === undefined) throw new Error(`no trailers: ${answer.status} ${answer.text}`);
      const lines = end.bytes.toString("utf8").split("\r\n");
      const trailers = lines.map((line) => [
        line.slice(0, line.indexOf(":")),
        line.slice(line.indexOf(":") + 1).trim(),
      ]);
      const error = grpcError(Object.fromEntries(trailers));
      return { status: answer.status, events: decodeEvents(frames, format), error };
    },
  }));
}

function grpcWire(subtype: string, format: Wire["format"]): Wire {
  return {
    name: `${subtype} over HTTP/2`,
    format,
    timeoutHeader: "grpc-timeout",
    call: async (running, message, headers = {}) => {
      const answer = await exchange(2, running, {
        headers: { "content-type": `application/${subtype}`, te: "trailers", ...headers },
        body: envelope(message),
      });
      const events = decodeEvents(envelopes(answer.body), format);
      return { status: answer.status, events, error: grpcError(answer.trailers ?? {}) };
    },
  };
}

function sseWire(version: 1 | 2): Wire {
  return {
    name: `SSE over HTTP/${version}`,
    format: "json",
    timeoutHeader: "connect-timeout-ms",
    call: async (running, message, headers = {}) => {
      const sent = { headers: { "content-type": "application/json", ...headers }, body: message };
      const answer = await exchange(version, running, sent, "/v1/chat?events=proto");
      if (answer.status !== 200)
        return { status: answer.status, events: [], error: restError(answer.json(), "detail") };
      const parsed = parseSse(answer.text);
      const failed = parsed.find(({ event }) => event === "error");
      const events = parsed.filter(({ event }) => event === "message");
      return {
        status: answer.status,
        events: events.map(({ data }) => fromJson(ChatResponseSchema, data as JsonValue)),
        error: failed && restError(failed.data, "error"),
      };
    },
  };
}

async function exchange(
  version: 1 | 2,
  { port, url }: Running,
  sent: Sent,
  path = "/execution.v1.ExecutionService/Chat",
): Promise<Answer & { readonly trailers?: Record<string, unknown> }> {
  if (version === 1) return send(port, path, sent);
  const answers: (Answer & { readonly trailers: Record<string, unknown> })[] = [];
  await withSession(url, async (session) => {
    answers.push(await send2(session, path, sent));
  });
  const [answer] = answers;
  if (answer === undefined) throw new Error("no answer");
  return answer;
}

interface Frame {
  readonly flag: number;
  readonly bytes: Buffer;
}

function envelopes(body: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    frames.push({ flag: body.readUInt8(at), bytes: body.subarray(at + 5, end) });
    at = end;
  }
  return frames;
}

function decodeEvents(frames: readonly Frame[], format: Wire["format"]): ChatResponse[] {
  return frames
    .filter(({ flag }) => flag === 0)
    .map(({ bytes }) =>
      format === "binary"
        ? fromBinary(ChatResponseSchema, bytes)
        : fromJson(ChatResponseSchema, JSON.parse(bytes.toString("utf8"))),
    );
}

/** Connect's JSON form of an error. */
export function connectError(error: {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}): WireError {
  const details = error.details.map(({ type, value }) =>
    detailJson(`type.googleapis.com/${type}`, Buffer.from(value, "base64")),
  );
  // Connect writes codes in lower case, and CANCELLED with one L.
  const code = error.code === "canceled" ? "CANCELLED" : error.code.toUpperCase();
  return { code, message: error.message, details };
}

function grpcError(trailers: Record<string, unknown>): WireError | undefined {
  const code = Number(trailers["grpc-status"]);
  if (code === 0) return undefined;
  const status = fromBinary(StatusSchema, Buffer.from(String(trailers["grpc-status-details-bin"]), "base64"));
  if (status.code !== code || status.message !== decodeURIComponent(String(trailers["grpc-message"]))) {
    throw new Error("the status's details say something else than the status");
  }
  return {
    code: Code[code] ?? String(code),
    message: status.message,
    details: status.details.map(({ typeUrl, value }) => detailJson(typeUrl, value)),
  };
}

/** The error of a problem document or an SSE event. */
function restError(object: Record<string, unknown>, messageKey: "detail" | "error"): WireError {
  const details = (object.details as JsonValue[]).map((detail) => {
    const any = fromJson(AnySchema, detail, { registry });
    return detailJson(any.typeUrl, any.value);
  });
  return { code: String(object.code), message: String(object[messageKey]), details };
}

function detailJson(typeUrl: string, value: Uint8Array): JsonValue {
  const any = create(AnySchema, { typeUrl, value });
  if (anyUnpack(any, registry) === undefined) throw new Error(`a detail of unknown type ${typeUrl}`);
  return scrub(toJson(AnySchema, any, { registry }));
}

const VOLATILE: ReadonlySet<string> = new Set([
  "request_id",
  "requestId",
  "streamId",
  "resumeToken",
  "timings",
  "id",
  "toolCallId",
]);

function scrub(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !VOLATILE.has(key))
      .map(([key, member]) => [key, scrub(member)]),
  );
}
