import type { ChatEvent } from "../contract/events.ts";
import { ERROR_TABLE, ExecutionError } from "../errors.ts";
import { createRoster } from "../roster.ts";
import { type Conceal, concealEnd, concealError } from "./conceal.ts";
import type { HttpRequest, HttpResponse, Send } from "./http.ts";
import type { HttpBody } from "./http-body.ts";
import { createJsonArrayDecoder } from "./json-array.ts";
import type { ErrorAnswer } from "./provider-error.ts";
import { createSseDecoder, type SseDecoder } from "./sse.ts";

/**
 * Turns a provider's answer into events. Pure: no clock, no input or output. It appends to `out` instead of returning, so that what was
 * decoded before a failure is not lost. Everything throws an ExecutionError for an error the answer holds, and PROVIDER_PROTOCOL for what
 * cannot be read.
 */
export interface AnswerDecoder {
  /**
   * True once the end marker was seen and `finished` was written; nothing after it is read. A function, like all that is asked of the parts of a decoder: a getter
   * would cost each call a hidden class of its own.
   */
  ended(): boolean;
  /** One event of a stream: its data and its name, empty if it has none. An element of a streamed JSON array is one without a name. */
  event(data: string, name: string, out: ChatEvent[]): void;
  /** A whole answer, which is its own end marker. */
  document(text: string, out: ChatEvent[]): void;
  /** The clean end of a stream. Throws UPSTREAM_TRUNCATED unless it counts as the end marker. */
  end(out: ChatEvent[]): void;
  /** The answer failed where it is: what was read and not told yet, such as the usage that came last. Absent where nothing is held back. */
  failed?(out: ChatEvent[]): void;
}

/** A request that is ready to go. */
export interface PreparedRequest {
  readonly request: HttpRequest;
  /** Events to yield before it is sent, such as warnings. */
  readonly first: readonly ChatEvent[];
}

/** What one exchange needs. */
export interface ExchangeInput {
  /** Name of the instance and its word for the model, for errors. */
  readonly provider: string;
  readonly model: string;
  /** Builds the request. Called once, when the events are first asked for. */
  readonly prepare: () => PreparedRequest;
  readonly send: Send;
  /** Called once when the response's headers arrive. */
  readonly onHeaders: () => void;
  readonly decoder: AnswerDecoder;
  /** Reads a refusal: an answer whose status is not 2xx. */
  readonly readError: (answer: ErrorAnswer) => ExecutionError;
  /** Takes out of the provider's words, in errors and in `finished`, what must not leave. */
  readonly conceal: Conceal;
}

/** Runs exchanges and knows those that are not over. */
export interface Exchanges {
  /** Sends, decodes by content type and yields one array of events a read. Its end, however it comes, ends the request. */
  run(input: ExchangeInput): AsyncGenerator<readonly ChatEvent[], void>;
  /** Waits until what runs has ended and the rests of finished answers are read. */
  settled(): Promise<void>;
}

/** An event may hold a whole picture. */
const maxEventBytes = 32 * 1024 * 1024;
const maxDocumentBytes = 64 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;

/** How much of an answer is read after its end marker, and for how long, so that its connection can be used again. */
const maxRestBytes = 64 * 1024;
const maxRestMs = 1000;

/** Creates the engine that every adapter over HTTP shares. */
export function createExchanges(): Exchanges {
  const open = createRoster<Promise<void>>();
  const track = (task: Promise<void>): void => {
    const leave = open.add(task.finally(() => leave()));
  };
  return {
    run: (input) => run(input, track),
    settled: async () => {
      while (open.size > 0) await Promise.all(open.all());
    },
  };
}

async function* run(
  input: ExchangeInput,
  track: (task: Promise<void>) => void,
): AsyncGenerator<readonly ChatEvent[], void> {
  const { decoder } = input;
  const running = Promise.withResolvers<void>();
  track(running.promise);
  let response: HttpResponse | undefined;
  try {
    const { request, first: opening } = input.prepare();
    if (opening.length > 0) yield opening;
    response = await input.send(request);
    input.onHeaders();
    // What was read is let go before its events are handed on: a slow reader must not keep it alive.
    const { stream, events: begun } = await firstEvents(response, input);
    let events: readonly ChatEvent[] | undefined = begun;
    while (events !== undefined) {
      if (decoder.ended()) concealEnd(events, input.conceal);
      if (events.length > 0) yield events;
      if (stream.failure !== undefined) throw stream.failure;
      if (decoder.ended()) return;
      events = await nextEvents(response.body, stream);
    }
    const last = stream.end();
    concealEnd(last, input.conceal);
    yield last;
  } catch (error) {
    if (!isProviders(error)) throw error;
    const last = heldBack(decoder);
    if (last.length > 0) yield last;
    throw concealError(error, input.conceal).with({ provider: input.provider, model: input.model });
  } finally {
    if (decoder.ended() && response !== undefined) track(readRest(response.body));
    else response?.body.close();
    running.resolve();
  }
}

function isProviders(error: unknown): error is ExecutionError {
  return error instanceof ExecutionError && error.origin === "provider";
}

/** What a decoder has not told of an answer that failed. */
function heldBack(decoder: AnswerDecoder): readonly ChatEvent[] {
  const out: ChatEvent[] = [];
  if (!decoder.ended()) decoder.failed?.(out);
  return out;
}

/** How an answer goes on, and the events of its first read: of the whole of it where it is a document. */
interface Begun {
  readonly stream: StreamReader;
  readonly events: readonly ChatEvent[];
}

async function firstEvents(response: HttpResponse, input: ExchangeInput): Promise<Begun> {
  const bytes = await firstRead(response, input);
  const framing = framingOf(response.headers["content-type"] ?? "", bytes);
  const stream = createStreamReader(input.decoder, framing);
  if (framing !== "document") return { stream, events: stream.read(bytes) };
  return { stream, events: readDocument(await readAll(response.body, bytes), input.decoder) };
}

/** The events of the next read; undefined at the clean end of the body. */
async function nextEvents(body: HttpBody, stream: StreamReader): Promise<readonly ChatEvent[] | undefined> {
  const bytes = await body.read();
  return bytes === undefined ? undefined : stream.read(bytes);
}

/** The beginning of an answer's body. Throws if it is a refusal, a redirect or empty. */
async function firstRead({ status, headers, body }: HttpResponse, { readError }: ExchangeInput): Promise<Uint8Array> {
  if (status >= 400) throw readError({ status, headers, body: await readErrorBody(body) });
  if (status < 200 || status > 299) {
    throw protocol(`the provider answered with status ${status}, and redirects are not followed`);
  }
  const bytes = await body.read();
  if (bytes === undefined) throw protocol("the provider answered with an empty body");
  return bytes;
}

/** Decodes a stream read by read. */
interface StreamReader {
  /** What the read was thrown out with; the events before it are returned all the same. */
  failure: unknown;
  read(bytes: Uint8Array): readonly ChatEvent[];
  /** The events at the clean end of the body. Throws UPSTREAM_TRUNCATED if that is too early. */
  end(): readonly ChatEvent[];
}

function createStreamReader(decoder: AnswerDecoder, framing: Framing): StreamReader {
  const { push, end } = framing === "array" ? arraySplitter() : createSseDecoder({ maxEventBytes });
  let out: ChatEvent[] = [];
  const sink = (data: string, event: string): void => {
    if (!decoder.ended()) decoder.event(data, event, out);
  };
  const reader: StreamReader = {
    failure: undefined,
    read: (bytes) => {
      out = [];
      try {
        push(bytes, sink);
      } catch (error) {
        reader.failure = error;
      }
      return out;
    },
    end: () => {
      out = [];
      endStream(() => end(sink), decoder, out);
      return out;
    },
  };
  return reader;
}

/** Elements of an array as events without a name. The body must not end before the array does. */
function arraySplitter(): SseDecoder {
  const array = createJsonArrayDecoder({ maxElementBytes: maxEventBytes });
  return {
    push: (bytes, sink) => array.push(bytes, (text) => sink(text, "")),
    end: () => {
      if (!array.closed) throw truncated();
    },
  };
}

/** A last event that cannot be read was cut, since a whole one has its blank line. */
function endStream(flush: () => void, decoder: AnswerDecoder, out: ChatEvent[]): void {
  try {
    flush();
  } catch (error) {
    if (error instanceof ExecutionError && error.reason === "PROVIDER_PROTOCOL") throw truncated();
    throw error;
  }
  if (!decoder.ended()) decoder.end(out);
}

function readDocument(bytes: Uint8Array, decoder: AnswerDecoder): readonly ChatEvent[] {
  const text = decodeText(bytes);
  if (!/^\s*[{[]/.test(text)) throw protocol("the provider's answer is not JSON");
  if (!/[}\]]\s*$/.test(text.slice(-1024))) throw truncated();
  const out: ChatEvent[] = [];
  decoder.document(text, out);
  return out;
}

/** The error of an answer that ends before its end marker. */
export function truncated(): ExecutionError {
  return new ExecutionError("UPSTREAM_TRUNCATED", "the provider's answer ended before its end marker");
}

function protocol(message: string): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", message);
}

/** Events, a whole document, or an array whose elements are taken one by one as they arrive. */
type Framing = "events" | "document" | "array";

/** What the lines of an event stream begin with: `data`, `event`, `id`, `retry` or a comment. No JSON object or array does. */
const streamBeginnings: ReadonlySet<string> = new Set("deir:");

/** How a body is framed, by its content type and its first character. Some servers call a stream of events `application/json`. */
function framingOf(contentType: string, first: Uint8Array): Framing {
  const mediaType = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (mediaType === "text/event-stream") return "events";
  if (mediaType !== "application/json" && !mediaType.endsWith("+json")) {
    throw protocol(`the provider answered with content type ${JSON.stringify(mediaType.slice(0, 100))}`);
  }
  const byte = first.find((candidate) => candidate > 0x20);
  const character = byte === undefined ? "" : String.fromCharCode(byte);
  if (character === "[") return "array";
  return streamBeginnings.has(character) ? "events" : "document";
}

/** A whole document, whose beginning was read already. */
async function readAll(body: HttpBody, first: Uint8Array): Promise<Uint8Array> {
  const pieces = [first];
  let length = first.length;
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    pieces.push(bytes);
    length += bytes.length;
    if (length > maxDocumentBytes) throw protocol(`the provider's answer is larger than ${maxDocumentBytes} bytes`);
  }
  return Buffer.concat(pieces, length);
}

/** As much of a refusal's body as came: its status speaks even if the connection broke. */
async function readErrorBody(body: HttpBody): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (let bytes = await body.read(); bytes !== undefined && length < maxErrorBytes; bytes = await body.read()) {
      pieces.push(bytes);
      length += bytes.length;
    }
  } catch (error) {
    if (!(error instanceof ExecutionError) || ERROR_TABLE[error.reason].origin !== "provider") throw error;
  }
  return decodeText(Buffer.concat(pieces).subarray(0, maxErrorBytes));
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Reads the little that follows an end marker, then closes. Never rejects. */
async function readRest(body: HttpBody): Promise<void> {
  const timer = setTimeout(() => body.close(), maxRestMs);
  try {
    let length = 0;
    for (let bytes = await body.read(); bytes !== undefined && length <= maxRestBytes; bytes = await body.read()) {
      length += bytes.length;
    }
  } catch {
    // The answer is complete; how its connection ended does not matter.
  } finally {
    clearTimeout(timer);
    body.close();
  }
}
