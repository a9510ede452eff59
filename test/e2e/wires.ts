import { create, type DescMethodStreaming, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, type Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport as connectTransport } from "@connectrpc/connect/protocol-connect";
import { createTransport as grpcTransport } from "@connectrpc/connect/protocol-grpc";
import { createTransport as grpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";
import { createNodeHttpClient, Http2SessionManager } from "@connectrpc/connect-node";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponse,
  ChatResponseSchema,
} from "../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { API_KEYS, encodeCase, type WireCase } from "./cases.ts";
import { DETAILS, detail, type Failure, type Outcome } from "./outcome.ts";

/** One way to call a gateway: a client, a protocol, an encoding and a listener. */
export interface Wire {
  readonly name: string;
  readonly format: "binary" | "json";
  /** `sse` has paths of its own, `short` also another form of events. */
  readonly kind: "rpc" | "sse" | "short";
  call(wireCase: WireCase): Promise<Outcome>;
}

/** Clients that hold connections to one gateway. */
export interface Wires {
  readonly all: readonly Wire[];
  close(): void;
}

/** Where a gateway is. */
export interface Target {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

/** Opens every wire to a gateway; the first is grpc-js on the gRPC listener, which the others are compared with. */
export function openWires({ grpcUrl, httpUrl }: Target): Wires {
  const client = new Client(new URL(grpcUrl).host, credentials.createInsecure(), { "grpc.enable_retries": 0 });
  const sessions = new Http2SessionManager(httpUrl);
  const http1 = createNodeHttpClient({ httpVersion: "1.1", nodeOptions: { agent: false } });
  const http2 = createNodeHttpClient({ httpVersion: "2", sessionProvider: () => sessions });
  const rpc = (name: string, create: TransportFactory, httpClient: UniversalClientFn, useBinaryFormat: boolean) =>
    connectWire(name, useBinaryFormat, (raw) =>
      create({ ...transportOptions(httpUrl, httpClient, raw), useBinaryFormat }),
    );
  return {
    all: [
      { name: "gRPC by grpc-js", format: "binary", kind: "rpc", call: (each) => callGrpcJs(client, each) },
      rpc("gRPC on the HTTP listener", grpcTransport, http2, true),
      rpc("Connect over HTTP/2", connectTransport, http2, true),
      rpc("Connect in JSON over HTTP/1.1", connectTransport, http1, false),
      rpc("gRPC-Web over HTTP/1.1", grpcWebTransport, http1, true),
      rpc("gRPC-Web in JSON over HTTP/2", grpcWebTransport, http2, false),
      { name: "SSE", format: "json", kind: "sse", call: (each) => callSse(httpUrl, each, "proto") },
      { name: "SSE in the short form", format: "json", kind: "short", call: (each) => callSse(httpUrl, each, "short") },
    ],
    close: () => {
      client.close();
      sessions.abort();
    },
  };
}

type TransportOptions = Parameters<typeof grpcTransport>[0];
type TransportFactory = (options: TransportOptions) => Transport;

function transportOptions(
  baseUrl: string,
  httpClient: UniversalClientFn,
  raw: Uint8Array | undefined,
): Omit<TransportOptions, "useBinaryFormat"> {
  return {
    baseUrl,
    httpClient: raw === undefined ? httpClient : (request) => httpClient({ ...request, body: only(envelope(raw)) }),
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: 0xffff_ffff,
    writeMaxBytes: 0xffff_ffff,
  };
}

function envelope(message: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

async function* only<Value>(value: Value): AsyncGenerator<Value> {
  yield value;
}

function headersOf({ key = "caller" }: WireCase): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${API_KEYS[key]}` };
}

function callGrpcJs(client: Client, wireCase: WireCase): Promise<Outcome> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headersOf(wireCase))) metadata.set(name, value);
  const { timeoutMs, rpc = "Chat" } = wireCase;
  const stream = client.makeServerStreamRequest(
    `/${ExecutionService.typeName}/${rpc}`,
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes) => fromBinary(ChatResponseSchema, bytes),
    encodeCase(wireCase, "binary"),
    metadata,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
  const events: ChatResponse[] = [];
  return new Promise((resolve) => {
    stream.on("data", (event: ChatResponse) => events.push(event));
    stream.on("error", (error: ServiceError) => resolve({ events, failure: grpcFailure(error) }));
    stream.on("end", () => resolve({ events }));
  });
}

/** Reads a status of grpc-js. Throws where its details say something else than the status itself. */
export function grpcFailure({ code, details: message, metadata }: ServiceError): Failure {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return { code, message, details: [] };
  const status = fromBinary(StatusSchema, bytes);
  // A long message is cut beside the details, which hold the whole.
  const same =
    message === status.message || (message.endsWith("...") && status.message.startsWith(message.slice(0, -3)));
  if (status.code !== code || !same) throw new Error("the details are those of another status");
  return { code, message: status.message, details: status.details };
}

function connectWire(name: string, binary: boolean, open: (raw: Uint8Array | undefined) => Transport): Wire {
  const format = binary ? "binary" : "json";
  const call = async (wireCase: WireCase): Promise<Outcome> => {
    const { raw, rpc, request, timeoutMs } = wireCase;
    const { chat } = ExecutionService.method;
    const method: DescMethodStreaming<typeof ChatRequestSchema, typeof ChatResponseSchema> =
      rpc === undefined ? chat : { ...chat, name: rpc };
    const message: ChatRequest =
      raw === undefined && rpc === undefined ? fromJson(ChatRequestSchema, request) : create(ChatRequestSchema);
    const events: ChatResponse[] = [];
    try {
      const transport = open(raw?.[format]);
      const stream = await transport.stream(method, undefined, timeoutMs, headersOf(wireCase), only(message));
      for await (const event of stream.message) events.push(event);
      return { events };
    } catch (thrown) {
      return { events, failure: connectFailure(ConnectError.from(thrown)) };
    }
  };
  return { name, format, kind: "rpc", call };
}

/** Reads an error of Connect, whichever protocol it speaks. */
export function connectFailure({ code, rawMessage, details }: ConnectError): Failure {
  const incoming = details.filter((each): each is Extract<typeof each, { type: string }> => "type" in each);
  return {
    code: Number(code),
    message: rawMessage,
    details: incoming.map(({ type, value }) => detail(type, value)),
  };
}

async function callSse(baseUrl: string, wireCase: WireCase, form: "proto" | "short"): Promise<Outcome> {
  const { timeoutMs } = wireCase;
  const deadline: Record<string, string> = timeoutMs === undefined ? {} : { "connect-timeout-ms": String(timeoutMs) };
  try {
    const response = await fetch(`${baseUrl}/v1/chat${form === "proto" ? "?events=proto" : ""}`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close", ...headersOf(wireCase), ...deadline },
      body: Buffer.from(encodeCase(wireCase, "json")),
      ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
    });
    const text = await response.text();
    return response.status === 200 ? readSse(text, form) : { events: [], failure: problemOf(JSON.parse(text)) };
  } catch (thrown) {
    if (timeoutMs === undefined) throw thrown;
    return { events: [], failure: { code: Code.DEADLINE_EXCEEDED, message: "the client gave up", details: [] } };
  }
}

/** Reads an event stream to its end, from the event after a number on. Throws where an id or a form is not as the contract says. */
export function readSse(text: string, form: "proto" | "short", after = 0): Outcome {
  const parsed = text
    .split("\n\n")
    .filter((block) => block !== "")
    .map(readSseEvent);
  const failed = parsed.at(-1)?.event === "error" ? parsed.pop() : undefined;
  const streamIds = new Set(parsed.map(({ id }) => id.slice(0, id.lastIndexOf(":"))));
  const numbered = parsed.every(({ id }, index) => id.endsWith(`:${after + index + 1}`));
  if (!numbered || streamIds.size > 1) throw new Error("the ids of the events are not <stream_id>:<sequence>");
  const failure = failed && problemOf(failed.data as unknown as Problem);
  if (form === "short") return { events: [], shortEvents: parsed.map(({ event, data }) => ({ event, data })), failure };
  const events = parsed.map(({ event, data }) => {
    if (event !== "message") throw new Error(`an event ${event} among ProtoJSON`);
    return fromJson(ChatResponseSchema, data);
  });
  return { events, failure };
}

function readSseEvent(block: string): { readonly id: string; readonly event: string; readonly data: JsonValue } {
  const fields = new Map(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
  const data = JSON.parse(fields.get("data") ?? "") as JsonValue;
  return { id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data };
}

/** A failure in JSON: a problem document, or the data of the event `error`. */
export interface Problem {
  readonly code: keyof typeof Code;
  readonly detail?: string;
  readonly error?: string;
  readonly reason: string;
  readonly details: readonly JsonValue[];
}

/** Reads a failure in JSON. Throws where its reason is not that of its details. */
export function problemOf({ code, detail: words, error, reason, details }: Problem): Failure {
  const anys: Any[] = details.map((each) => fromJson(AnySchema, each, { registry: DETAILS }));
  if ((details[0] as { readonly reason?: string } | undefined)?.reason !== reason) throw new Error(`not ${reason}`);
  return { code: Code[code], message: words ?? error ?? "", details: anys };
}
