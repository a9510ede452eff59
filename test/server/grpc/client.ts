import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http2";
import { create, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
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
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { Health, HealthCheckRequestSchema } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { messageService } from "../../../src/server/grpc/services.ts";

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
  /** When to come back, in milliseconds. */
  readonly retryAfterMs: number | undefined;
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
  const retry = find.map((any) => anyUnpack(any, RetryInfoSchema)).find((detail) => detail !== undefined);
  return {
    retryAfterMs: retry?.retryDelay === undefined ? undefined : durationMs(retry.retryDelay),
    status,
    info: find.map((any) => anyUnpack(any, ErrorInfoSchema)).find((detail) => detail !== undefined),
    badRequest: find.map((any) => anyUnpack(any, BadRequestSchema)).find((detail) => detail !== undefined),
    chatFailure: find.map((any) => anyUnpack(any, ChatFailureSchema)).find((detail) => detail !== undefined),
  };
}
