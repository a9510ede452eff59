import { create, fromJson, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ChatRequestSchema, type ChatResponse, type Started } from "../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import {
  CancelResponseSchema,
  type GetStreamResponse,
  GetStreamResponseSchema,
  type StreamState,
} from "../../src/gen/execution/v1/streams_pb.js";
import { API_KEYS } from "./cases.ts";
import { DETAILS, type Failure, type Outcome } from "./outcome.ts";
import { connectFailure, type Problem, problemOf, readSse, type Target } from "./wires.ts";

/** A failure of a unary call, thrown. */
export class WireFailure extends Error {
  override readonly name = "WireFailure";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Names of the ways to reach streams, in the order they are opened in. */
export const STREAM_WIRES = [
  "gRPC",
  "gRPC on the HTTP listener",
  "Connect",
  "Connect in JSON",
  "gRPC-Web",
  "REST and SSE",
] as const;

/** One way to reach streams. */
export interface StreamWire {
  readonly name: string;
  /** Begins a call and leaves it once so many events have come; without a number reads it to its end. */
  chat(request: MessageInitShape<typeof ChatRequestSchema>, most?: number): Promise<Outcome>;
  /** Takes a stream up after the events that were seen. */
  resume(seen: readonly ChatResponse[], key?: string): Promise<Outcome>;
  /** Throws a WireFailure, as `getStream` does. */
  cancel(streamId: string, key?: string): Promise<StreamState>;
  getStream(streamId: string, key?: string): Promise<GetStreamResponse>;
}

/** Every way to reach the streams of a gateway. */
export function openStreamWires({ grpcUrl, httpUrl }: Target): readonly StreamWire[] {
  const http1 = { baseUrl: httpUrl, httpVersion: "1.1", nodeOptions: { agent: false } } as const;
  return [
    rpcWire("gRPC", createGrpcTransport({ baseUrl: grpcUrl })),
    rpcWire("gRPC on the HTTP listener", createGrpcTransport({ baseUrl: httpUrl })),
    rpcWire("Connect", createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" })),
    rpcWire(
      "Connect in JSON",
      createConnectTransport({ ...http1, useBinaryFormat: false, jsonOptions: { registry: DETAILS } }),
    ),
    rpcWire("gRPC-Web", createGrpcWebTransport(http1)),
    restWire(httpUrl),
  ];
}

/** The first event of a stream. Throws where it is another one. */
export function startedOf([first]: readonly ChatResponse[]): Started {
  if (first?.event.case !== "started") throw new Error("the stream does not begin with `started`");
  return first.event.value;
}

const authorization = (key: string = API_KEYS.caller) => ({ authorization: `Bearer ${key}` });

function rpcWire(name: string, transport: Transport): StreamWire {
  const client = createClient(ExecutionService, transport);
  const unary = async <Response>(response: Promise<Response>): Promise<Response> => {
    try {
      return await response;
    } catch (thrown) {
      throw new WireFailure(connectFailure(ConnectError.from(thrown)));
    }
  };
  return {
    name,
    chat: async (request, most) => {
      const leave = new AbortController();
      const options = { headers: authorization(), signal: leave.signal };
      const outcome = await readEvents(client.chat(request, options), most);
      leave.abort();
      return outcome;
    },
    resume: (seen, key) => {
      const { resumeToken } = startedOf(seen);
      return readEvents(client.resume({ resumeToken, afterSequence: seen.length }, { headers: authorization(key) }));
    },
    cancel: async (streamId, key) => (await unary(client.cancel({ streamId }, { headers: authorization(key) }))).state,
    getStream: (streamId, key) => unary(client.getStream({ streamId }, { headers: authorization(key) })),
  };
}

async function readEvents(stream: AsyncIterable<ChatResponse>, most = Number.POSITIVE_INFINITY): Promise<Outcome> {
  const events: ChatResponse[] = [];
  try {
    for await (const event of stream) {
      events.push(event);
      if (events.length >= most) break;
    }
    return { events };
  } catch (thrown) {
    return { events, failure: connectFailure(ConnectError.from(thrown)) };
  }
}

/** REST, with SSE in ProtoJSON. */
function restWire(baseUrl: string): StreamWire {
  const call = (path: string, init: RequestInit = {}, key?: string): Promise<Response> => {
    const headers = { "content-type": "application/json", connection: "close", ...authorization(key) };
    return fetch(`${baseUrl}/v1${path}`, { ...init, headers: { ...headers, ...init.headers } });
  };
  const json = async (response: Response): Promise<JsonValue> => {
    const body = (await response.json()) as JsonValue;
    if (response.status !== 200) throw new WireFailure(problemOf(body as unknown as Problem));
    return body;
  };
  const refused = async (response: Response): Promise<Outcome> => ({
    events: [],
    failure: problemOf((await response.json()) as Problem),
  });
  return {
    name: "REST and SSE",
    chat: async (request, most = Number.POSITIVE_INFINITY) => {
      const leave = new AbortController();
      const body = JSON.stringify(toJson(ChatRequestSchema, create(ChatRequestSchema, request)));
      const response = await call("/chat?events=proto", { method: "POST", body, signal: leave.signal });
      if (response.status !== 200 || response.body === null) return refused(response);
      let got = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        got += chunk;
        const outcome = readSse(got.slice(0, got.lastIndexOf("\n\n") + 2), "proto");
        if (outcome.events.length < most) continue;
        leave.abort();
        return outcome;
      }
      return readSse(got, "proto");
    },
    resume: async (seen, key) => {
      const { streamId } = startedOf(seen);
      const headers = { "last-event-id": `${streamId}:${seen.length}` };
      const response = await call(`/streams/${streamId}/events?events=proto`, { headers }, key);
      if (response.status === 204) return { events: [] };
      return response.status === 200 ? readSse(await response.text(), "proto", seen.length) : refused(response);
    },
    cancel: async (streamId, key) => {
      const body = await json(await call(`/streams/${streamId}/cancel`, { method: "POST" }, key));
      return fromJson(CancelResponseSchema, body).state;
    },
    getStream: async (streamId, key) =>
      fromJson(GetStreamResponseSchema, await json(await call(`/streams/${streamId}`, {}, key)), { registry: DETAILS }),
  };
}
