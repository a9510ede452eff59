import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect as http2Connect } from "node:http2";
import { connect as tcpConnect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { expect } from "@jest/globals";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { type ChatRequest, ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import type { Admission } from "../../../src/server/admission/admission.ts";
import type { Dispatcher } from "../../../src/server/dispatcher.ts";
import { type TransportLimits, transportLimits } from "../../../src/server/http/limits.ts";
import { createHttpListener, type HttpListener } from "../../../src/server/http/listener.ts";
import { PUBLIC_SURFACE, type Surface } from "../../../src/server/http/surface.ts";
import { type BackendOptions, createBackend, type LoggedLine } from "../../support/backend.ts";
import type { Play } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";

/** An HTTP listener on a free port, and what stands behind it. */
export interface Running {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or with https under TLS. */
  readonly url: string;
  readonly listener: HttpListener;
  readonly dispatcher: Dispatcher;
  readonly admission: Admission;
  /** The lines that were logged, errors excepted. */
  readonly lines: readonly LoggedLine[];
  /** Causes of the errors that were logged. */
  readonly bugs: unknown[];
}

/** How the listener under test is set up. */
export interface RunOptions extends BackendOptions {
  readonly transport?: Partial<TransportLimits>;
  /** Without it what callers use. */
  readonly surface?: Surface;
}

/** Runs a test against a listener with the real dispatcher and router behind it, and closes it whatever happens. */
export async function withListener(options: RunOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const { config, dispatcher, admission, guard, log, lines, bugs } = createBackend(options);
  const { limits } = config;
  const transport = { ...transportLimits(limits), ...options.transport };
  const listener = createHttpListener({
    dispatcher,
    guard,
    surface: options.surface ?? PUBLIC_SURFACE,
    settings: config.http,
    limits,
    log,
    transport,
  });
  const { port } = await listener.listen();
  const url = `${config.http.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  try {
    await run({ port, url, listener, dispatcher, admission, lines, bugs });
  } finally {
    await listener.close();
  }
}

/** A request with one user message; with a script, of what the mock is to do. */
export function chatRequest(text = "hi", script?: readonly unknown[]): ChatRequest {
  return create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text } } }] }],
    providerOptionsJson: script === undefined ? {} : { mock: JSON.stringify({ script }) },
  });
}

/** A raw answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; throws if it is none. */
  readonly json: () => Record<string, unknown>;
}

/** What to send. */
export interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array | readonly Uint8Array[];
}

/** Sends one request of HTTP/1.1 on a connection of its own. */
export async function send(port: number, path: string, { method, headers, body }: Sent = {}): Promise<Answer> {
  const verb = method ?? (body === undefined ? "GET" : "POST");
  const request = httpRequest({ host: "127.0.0.1", port, path, method: verb, headers, agent: false });
  const answered = once(request, "response");
  // The server may answer and close before all was sent.
  request.on("error", () => undefined);
  const pieces = body === undefined ? [] : typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  for (const piece of pieces) request.write(piece);
  request.end();
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return answerOf(response.statusCode, response.headers, Buffer.concat(chunks));
}

/** Posts JSON. */
export async function post(port: number, path: string, body: unknown, headers: OutgoingHttpHeaders = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return send(port, path, { headers: { "content-type": "application/json", ...headers }, body: text });
}

/** Sends one request of HTTP/2 on a session. */
export async function send2(
  session: ClientHttp2Session,
  path: string,
  { method, headers, body }: Sent = {},
): Promise<Answer & { readonly trailers: IncomingHttpHeaders }> {
  const verb = method ?? (body === undefined ? "GET" : "POST");
  const stream = session.request({ ...headers, ":method": verb, ":path": path });
  const head: IncomingHttpHeaders[] = [];
  const trailers: IncomingHttpHeaders[] = [];
  const chunks: Buffer[] = [];
  stream.on("response", (given) => head.push(given));
  stream.on("trailers", (given) => trailers.push(given));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => undefined);
  const closed = new Promise((resolve) => {
    stream.on("close", resolve);
  });
  const pieces = body === undefined ? [] : typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  for (const piece of pieces) stream.write(piece);
  stream.end();
  await closed;
  const headersGiven = head[0] ?? {};
  const answer = answerOf(Number(headersGiven[":status"] ?? 0), headersGiven, Buffer.concat(chunks));
  return { ...answer, trailers: trailers[0] ?? headersGiven };
}

/** Runs a test over one bare connection of HTTP/2. */
export async function withSession(url: string, run: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = http2Connect(url, { rejectUnauthorized: false });
  session.on("error", () => undefined);
  try {
    await run(session);
  } finally {
    session.destroy();
  }
}

/** Sends bytes on a bare connection and gives what came back until the server closed it. */
export async function sendBytes(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = tcpConnect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("utf8");
}

/** Puts a message behind an envelope's head. */
export function envelope(message: Uint8Array, flag = 0, size = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(size, 1);
  return Buffer.concat([head, message]);
}

/** One server-sent event. */
export interface SseEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads the text of an event stream. */
export function parseSse(text: string): SseEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      const fields = new Map(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      const id = fields.get("id");
      const data = JSON.parse(fields.get("data") ?? "null");
      return { event: fields.get("event") ?? "message", data, ...(id === undefined ? {} : { id }) };
    });
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const text = body.toString("utf8");
  return { status, headers, body, text, json: () => JSON.parse(text) };
}

/** A body of the plain form. */
export function plain(extra: object = {}): object {
  return { messages: [{ role: "user", content: "Say: one two" }], ...extra };
}

/** A canonical body with a script of what the mock is to do. */
export function scripted(...script: readonly unknown[]): object {
  return {
    messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }],
    providerOptionsJson: { mock: JSON.stringify({ script }) },
  };
}

/** Plays reads of a provider, one after the other. */
export function playAll(reads: readonly (readonly ChatEvent[])[]): Play {
  return async function* () {
    yield* reads;
  };
}

/** A request after the bad one shows that the process lives; nothing it said may tell of the machine, and nothing was a bug. */
export async function expectAlive({ port, bugs, dispatcher }: Running): Promise<void> {
  expect((await send(port, "/health")).status).toBe(200);
  await waitFor(() => dispatcher.running === 0, { what: "the calls' end" });
  expect(bugs).toEqual([]);
}

/** Fails on what only a stack or a path could have brought. */
export function expectNoLeak(text: string): void {
  expect(text).not.toMatch(/\.[tj]s:\d|node:internal|node_modules|\bat [A-Z]\w+\.|\/(work|home|root|src|usr)\//);
}
