import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { create, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Adapter } from "../../../src/adapters/adapter.ts";
import { mockKind } from "../../../src/adapters/mock/index.ts";
import type { Config } from "../../../src/config/config.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import { type ChatRequest, ChatRequestSchema, type ChatResponse } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { type ChatFailure, ChatFailureSchema } from "../../../src/gen/execution/v1/errors_pb.js";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { Health, HealthCheckRequestSchema } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { createKeyAuthentication } from "../../../src/server/auth.ts";
import { createDispatcher, type Dispatcher } from "../../../src/server/dispatcher.ts";
import { createGrpcListener, type GrpcListener, type GrpcListenerDeps } from "../../../src/server/grpc/listener.ts";
import { messageService } from "../../../src/server/grpc/services.ts";
import { TRANSPORT_LIMITS, type TransportLimits } from "../../../src/server/grpc/transport.ts";
import { createGuard } from "../../../src/server/guard.ts";
import type { Log } from "../../../src/telemetry/log.ts";
import { testConfig, testRouter, testState } from "../../support/routing.ts";
import { createScriptedAdapter, type Play } from "../../support/scripted-adapter.ts";

/** A gRPC listener on a free port, and what stands behind it. */
export interface Running {
  readonly port: number;
  readonly listener: GrpcListener;
  /** What the listener was made of, to make another. */
  readonly deps: GrpcListenerDeps;
  readonly dispatcher: Dispatcher;
  /** Causes of the errors that were logged. */
  readonly bugs: unknown[];
}

/** How the listener under test is set up. */
export interface RunOptions {
  readonly adapters?: readonly Adapter[];
  /** Plays one adapter, where `adapters` is left out. Without either the mock provider serves. */
  readonly play?: Play;
  readonly config?: Partial<Config>;
  readonly limits?: Partial<Config["limits"]>;
  readonly transport?: Partial<TransportLimits>;
}

/** Runs a test against a listener and closes it whatever happens. */
export async function withListener(options: RunOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const { play } = options;
  const adapters = options.adapters ?? [play === undefined ? mock() : createScriptedAdapter({ name: "near", play })];
  const base = testState(adapters);
  const limits = { ...testConfig().limits, ...options.limits };
  const config: Config = { ...base.config, ...options.config, limits };
  const bugs: unknown[] = [];
  const ignore = (): void => undefined;
  const log: Log = { debug: ignore, info: ignore, warn: ignore, error: (_message, cause) => bugs.push(cause) };
  const guard = createGuard(config);
  const dispatcher = createDispatcher({
    router: testRouter({ ...base, config }),
    authenticate: createKeyAuthentication(config.keys),
    guard,
    limits,
    log,
    newId: () => randomUUID(),
  });
  const transport = { ...TRANSPORT_LIMITS, ...options.transport };
  const deps = { dispatcher, guard, settings: config.grpc, limits, log, transport };
  const listener = createGrpcListener(deps);
  const { port } = await listener.listen();
  try {
    await run({ port, listener, deps, dispatcher, bugs });
  } finally {
    await listener.close();
  }
}

/** The mock provider, as an instance named `mock`. */
export function mock(): Adapter {
  let id = 0;
  const settings = { name: "mock", kind: "mock", transport: "native", headers: {}, models: {}, quirks: {} } as const;
  const timeouts = { connectMs: 1000, headersMs: 30_000, idleMs: 30_000 };
  return mockKind.create({ ...settings, timeouts }, { now: Date.now, newId: () => `call_${id++}` });
}

/** A request with one user message; with a script, of what the mock is to do. */
export function chatRequest(text = "hi", script?: readonly unknown[]): ChatRequest {
  return create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text } } }] }],
    providerOptionsJson: script === undefined ? {} : { mock: JSON.stringify({ script }) },
  });
}

/** The same as it stands on the wire, without its prefix. */
export function chatBytes(text?: string, script?: readonly unknown[]): Uint8Array {
  return toBinary(ChatRequestSchema, chatRequest(text, script));
}

/** What a failed call said. */
export interface Failure {
  readonly code: number;
  readonly message: string;
  readonly status: Status | undefined;
  readonly info: ErrorInfo | undefined;
  readonly badRequest: BadRequest | undefined;
  readonly chatFailure: ChatFailure | undefined;
}

/** How a call ended. */
export interface Outcome {
  readonly events: ChatResponse[];
  readonly failure: Failure | undefined;
}

const chatMethod = messageService(ExecutionService).chat;

/** Runs a test with a grpc-js client and closes it whatever happens. */
export async function withClient(
  port: number,
  run: (client: Client) => Promise<void>,
  options: ClientOptions = {},
  credentials = ChannelCredentials.createInsecure(),
): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials, { "grpc.enable_retries": 0, ...options });
  try {
    await run(client);
  } finally {
    client.close();
  }
}

/** Begins a Chat. */
export function startChat(
  client: Client,
  request: ChatRequest = chatRequest(),
  metadata = new Metadata(),
  options: CallOptions = {},
): ClientReadableStream<ChatResponse> {
  if (chatMethod === undefined) throw new Error("no method chat");
  const { path, requestSerialize: serialize, responseDeserialize: deserialize } = chatMethod;
  return client.makeServerStreamRequest(path, serialize, deserialize, request, metadata, options);
}

/** Runs a Chat to its end, checks the invariants of its stream, and says how it ended. */
export async function chat(
  client: Client,
  request?: ChatRequest,
  metadata?: Metadata,
  options?: CallOptions,
): Promise<Outcome> {
  return collect(startChat(client, request, metadata, options));
}

/** Reads a stream to its end; throws if it breaks an invariant. */
export async function collect(stream: ClientReadableStream<ChatResponse>): Promise<Outcome> {
  const events: ChatResponse[] = [];
  const checker = createInvariantChecker();
  const broken: (string | undefined)[] = [];
  const failure = await new Promise<Failure | undefined>((resolve) => {
    stream.on("data", (response: ChatResponse) => {
      broken.push(checker.next(response));
      events.push(response);
    });
    stream.on("error", (error: ServiceError) => resolve(failureOf(error)));
    stream.on("end", () => resolve(undefined));
  });
  broken.push(checker.end(failure === undefined ? "success" : "error"));
  const problem = broken.find((each) => each !== undefined);
  if (problem !== undefined) throw new Error(`the stream breaks an invariant: ${problem}`);
  return { events, failure };
}

/** Calls a unary method by its local name. */
export async function unary(
  client: Client,
  name: string,
  request: Message,
  metadata = new Metadata(),
  service: DescService = ExecutionService,
): Promise<{ response: unknown; failure: Failure | undefined }> {
  const method = messageService(service)[name];
  if (method === undefined) throw new Error(`no method ${name}`);
  return new Promise((resolve) => {
    const { path, requestSerialize: serialize, responseDeserialize: deserialize } = method;
    client.makeUnaryRequest(path, serialize, deserialize, request, metadata, (error, response) =>
      resolve({ response, failure: error === null ? undefined : failureOf(error) }),
    );
  });
}

/** Asks for the health of a service. */
export async function checkHealth(client: Client, service = "") {
  return unary(client, "check", create(HealthCheckRequestSchema, { service }), undefined, Health);
}

/** Watches the health of a service until the server ends it. */
export async function watchHealth(client: Client, service = "") {
  const method = messageService(Health).watch;
  if (method === undefined) throw new Error("no method watch");
  const { path, requestSerialize, responseDeserialize } = method;
  const request = create(HealthCheckRequestSchema, { service });
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  const statuses: unknown[] = [];
  stream.on("data", ({ status }) => statuses.push(status));
  const [error] = await once(stream, "error");
  return { statuses, failure: failureOf(error) };
}

/** Reads what a client was told. */
function failureOf({ code, details, metadata }: ServiceError): Failure {
  const [bytes] = metadata.get("grpc-status-details-bin");
  return { code, message: details, ...readStatus(bytes instanceof Buffer ? bytes : undefined) };
}

/** Reads what trailers say. */
export function detailsOf(trailers: IncomingHttpHeaders): Omit<Failure, "message"> {
  const details = trailers["grpc-status-details-bin"];
  const bytes = typeof details === "string" ? Buffer.from(details, "base64") : undefined;
  return { code: Number(trailers["grpc-status"] ?? -1), ...readStatus(bytes) };
}

function readStatus(bytes: Uint8Array | undefined): Omit<Failure, "code" | "message"> {
  const status = bytes === undefined ? undefined : fromBinary(StatusSchema, bytes);
  const find = status?.details ?? [];
  return {
    status,
    info: find.map((any) => anyUnpack(any, ErrorInfoSchema)).find((detail) => detail !== undefined),
    badRequest: find.map((any) => anyUnpack(any, BadRequestSchema)).find((detail) => detail !== undefined),
    chatFailure: find.map((any) => anyUnpack(any, ChatFailureSchema)).find((detail) => detail !== undefined),
  };
}

/** What came back on one HTTP/2 stream. */
export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Trailers; the headers where there was nothing else. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly failure: Omit<Failure, "message">;
  /** Code the stream was closed with. */
  readonly resetCode: number;
}

/** Runs a test over one bare HTTP/2 connection. */
export async function withSession(port: number, run: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  try {
    await run(session);
  } finally {
    session.destroy();
  }
}

/** The headers of a Chat. */
export const chatHeaders: OutgoingHttpHeaders = {
  ":method": "POST",
  ":path": "/execution.v1.ExecutionService/Chat",
  "content-type": "application/grpc",
  te: "trailers",
};

/** Sends one request as it is, `body` already framed, and waits for its end. With `leaveOpen` the request itself is never ended. */
export async function rawCall(
  session: ClientHttp2Session,
  body: readonly Uint8Array[],
  headers: OutgoingHttpHeaders = {},
  leaveOpen = false,
): Promise<RawAnswer> {
  const stream = session.request({ ...chatHeaders, ...headers });
  let answered: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const chunks: Buffer[] = [];
  stream.on("response", (given) => {
    answered = given;
  });
  stream.on("trailers", (given) => {
    trailers = given;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => {
    stream.on(leaveOpen ? "end" : "close", () => resolve());
  });
  for (const chunk of body) stream.write(chunk);
  if (!leaveOpen) stream.end();
  await closed;
  if (leaveOpen) stream.close();
  const last = trailers ?? answered;
  return {
    headers: answered,
    trailers: last,
    body: Buffer.concat(chunks),
    failure: detailsOf(last),
    resetCode: stream.rstCode ?? 0,
  };
}

/** Puts a message behind its prefix. */
export function frame(message: Uint8Array, flag = 0, size = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(size, 1);
  return Buffer.concat([prefix, message]);
}
