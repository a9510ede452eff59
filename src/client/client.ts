import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient as createRpcClient, type CallOptions as RpcOptions, type Transport } from "@connectrpc/connect";
import type { CapabilitiesRequestSchema, CapabilitiesResponse } from "../gen/execution/v1/capabilities_pb.js";
import type { CostsRequestSchema, CostsResponse } from "../gen/execution/v1/costs_pb.js";
import type {
  CountTokensRequestSchema,
  CountTokensResponse,
  EmbedRequestSchema,
  EmbedResponse,
} from "../gen/execution/v1/embeddings_pb.js";
import { ExecutionService } from "../gen/execution/v1/execution_pb.js";
import type { PlanRequestSchema, PlanResponse } from "../gen/execution/v1/plan_pb.js";
import type {
  CancelRequestSchema,
  CancelResponse,
  GetStreamRequestSchema,
  GetStreamResponse,
  ResumeRequestSchema,
} from "../gen/execution/v1/streams_pb.js";
import { toChatError } from "./chat-error.ts";
import { type ChatStream, createChatStream } from "./chat-stream.ts";
import { createPersonaClient, type PersonaClient } from "./persona.ts";
import { type CallOptions, type ChatRequestInit, goingOn } from "./request.ts";
import { createGrpcTransport } from "./transport.ts";

/** How to reach a gateway. */
export interface ClientOptions {
  /** URL of the gRPC listener. Default `http://127.0.0.1:50051`. Not used if `transport` is given. */
  readonly baseUrl?: string;
  /** Sent as `authorization: Bearer KEY` with each call. */
  readonly apiKey?: string;
  /** Any Connect transport instead of gRPC over HTTP/2; in browsers one of `@connectrpc/connect-web` on the HTTP listener. */
  readonly transport?: Transport;
  /** Headers to send with each call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Deadline of calls that set none, in milliseconds. Default: none; the gateway has its own. */
  readonly timeoutMs?: number;
  /** `autoResume` of chats that do not say it themselves. Default false. */
  readonly autoResume?: boolean;
}

/** A client of one gateway. Each method throws a ChatError if its call fails. */
export interface Client {
  /** Runs one request: iterate over its events, or `collect()` them. */
  chat(request: ChatRequestInit, options?: CallOptions): ChatStream;
  /** Attaches to a stream again. */
  resume(request: MessageInitShape<typeof ResumeRequestSchema>, options?: CallOptions): ChatStream;
  /** A client whose calls are served by one persona. */
  persona(name: string): PersonaClient;
  /** What providers, models and personas can do. */
  capabilities(
    request?: MessageInitShape<typeof CapabilitiesRequestSchema>,
    options?: CallOptions,
  ): Promise<CapabilitiesResponse>;
  /** What was used and what it cost. */
  costs(request?: MessageInitShape<typeof CostsRequestSchema>, options?: CallOptions): Promise<CostsResponse>;
  /** Which candidates would serve a request, and what it would cost. */
  plan(request: MessageInitShape<typeof PlanRequestSchema>, options?: CallOptions): Promise<PlanResponse>;
  /** Ends a stream. */
  cancel(request: MessageInitShape<typeof CancelRequestSchema>, options?: CallOptions): Promise<CancelResponse>;
  /** What is known of a stream. */
  getStream(
    request: MessageInitShape<typeof GetStreamRequestSchema>,
    options?: CallOptions,
  ): Promise<GetStreamResponse>;
  /** Turns texts into vectors. */
  embed(request: MessageInitShape<typeof EmbedRequestSchema>, options?: CallOptions): Promise<EmbedResponse>;
  /** Counts the input tokens of a request. */
  countTokens(
    request: MessageInitShape<typeof CountTokensRequestSchema>,
    options?: CallOptions,
  ): Promise<CountTokensResponse>;
  /** Ends the connection and the calls on it. An idle connection keeps no process alive, so that scripts need not call it. */
  close(): void;
}

/** How long leaving a call that goes on by itself may wait for the gateway to end it, in milliseconds. */
const GIVE_UP_MS = 1000;

/** Creates a client. Nothing is connected before the first call. */
export function createClient(clientOptions: ClientOptions = {}): Client {
  const { baseUrl = "http://127.0.0.1:50051", apiKey, headers, timeoutMs } = clientOptions;
  const { transport, close } =
    clientOptions.transport === undefined
      ? createGrpcTransport(baseUrl)
      : { transport: clientOptions.transport, close: () => undefined };
  const rpc = createRpcClient(ExecutionService, transport);
  const always = { ...headers, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  const settings = (options: CallOptions = {}): RpcOptions => {
    const limit = options.timeoutMs ?? timeoutMs;
    return {
      headers: { ...always, ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    };
  };
  let closed = false;
  const left = (options?: CallOptions) => (): boolean => closed || options?.signal?.aborted === true;
  const unary = async <Response>(response: Promise<Response>, options?: CallOptions): Promise<Response> => {
    try {
      return await response;
    } catch (thrown) {
      throw toChatError(thrown, { begun: false, left: left(options)() });
    }
  };
  const capabilities: Client["capabilities"] = (request = {}, options = {}) =>
    unary(rpc.capabilities(request, settings(options)), options);
  const plan: Client["plan"] = (request, options) => unary(rpc.plan(request, settings(options)), options);
  const resume: Client["resume"] = (request, options) =>
    createChatStream((signal) => rpc.resume(request, settings({ ...options, signal })), {
      signal: options?.signal,
      left: left(options),
    });
  const giveUp = async (streamId: string, { headers }: CallOptions = {}): Promise<void> => {
    const asked = rpc.cancel({ streamId }, settings({ timeoutMs: GIVE_UP_MS, headers }));
    // Who cannot reach the gateway leaves the call to the bound that it has there.
    await asked.catch(() => undefined);
  };
  const chat: Client["chat"] = (request, options) => {
    const autoResume = options?.autoResume ?? clientOptions.autoResume ?? false;
    const asked = autoResume ? goingOn(request) : request;
    return createChatStream((signal) => rpc.chat(asked, settings({ ...options, signal })), {
      signal: options?.signal,
      left: left(options),
      // A request that was made to go on for the sake of `autoResume` ends with its reader all the same.
      ...(asked !== request && { giveUp: (streamId: string) => giveUp(streamId, options) }),
      ...(autoResume && {
        openRest: ({ resumeToken, sequence }, signal) =>
          rpc.resume({ resumeToken, afterSequence: sequence }, settings({ ...options, signal })),
      }),
    });
  };
  return {
    chat,
    capabilities,
    persona: (name) => createPersonaClient(name, { chat, plan, capabilities }),
    resume,
    costs: (request = {}, options = {}) => unary(rpc.costs(request, settings(options)), options),
    plan,
    cancel: (request, options) => unary(rpc.cancel(request, settings(options)), options),
    getStream: (request, options) => unary(rpc.getStream(request, settings(options)), options),
    embed: (request, options) => unary(rpc.embed(request, settings(options)), options),
    countTokens: (request, options) => unary(rpc.countTokens(request, settings(options)), options),
    close: () => {
      closed = true;
      close();
    },
  };
}
