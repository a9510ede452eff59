import { setImmediate as turn } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { clone, create, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  reasoningDelta,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
  usageEvent,
} from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ExecutionError } from "../../../src/errors.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponse,
  ChatResponseSchema,
  type Started,
} from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { ChatFailureSchema } from "../../../src/gen/execution/v1/errors_pb.js";
import {
  CancelRequestSchema,
  GetStreamRequestSchema,
  ResumeRequestSchema,
} from "../../../src/gen/execution/v1/streams_pb.js";
import type { CallContext } from "../../../src/router/call.ts";
import type { Router } from "../../../src/router/router.ts";
import type { Streams } from "../../../src/router/streams/streams.ts";
import {
  anyone,
  type Drained,
  drainStream,
  type TestRouterOptions,
  testContext,
  testRouter,
  testState,
} from "../../support/routing.ts";
import { createScriptedAdapter, finishedEvent, type Play } from "../../support/scripted-adapter.ts";

/** A router with one scripted provider, and short forms of what is done to its streams. */
export interface StreamsRig {
  readonly router: Router;
  readonly streams: Omit<Streams, "stage">;
  /** Signals of the provider's calls so far. */
  readonly calls: readonly AbortSignal[];
  open(
    request?: MessageInitShape<typeof ChatRequestSchema>,
    context?: CallContext,
  ): AsyncIterable<readonly ChatResponse[]>;
  resume(resumeToken: string, afterSequence: number, context?: CallContext): Promise<Drained>;
  cancel(streamId: string, context?: CallContext): Promise<number>;
  describe(streamId: string, context?: CallContext): ReturnType<Streams["describe"]>;
}

/** Creates a rig whose provider plays what it is given. */
export function createRig(play: Play, options: TestRouterOptions = {}): StreamsRig {
  const adapter = createScriptedAdapter({ name: "near", play });
  const router = testRouter(testState([adapter]), options);
  const { streams } = router;
  return {
    router,
    streams,
    get calls() {
      return adapter.inputs.map(({ signal }) => signal);
    },
    open: (request = {}, context = testContext()) => router.chat(chatRequest(request), context),
    resume: (resumeToken, afterSequence, context = testContext()) =>
      drainStream(() => streams.resume(create(ResumeRequestSchema, { resumeToken, afterSequence }), context)),
    cancel: async (streamId, context = testContext()) =>
      (await streams.cancel(create(CancelRequestSchema, { streamId }), context)).state,
    describe: (streamId, context = testContext()) =>
      streams.describe(create(GetStreamRequestSchema, { streamId }), context),
  };
}

/** A request that says "hi". */
export function chatRequest(init: MessageInitShape<typeof ChatRequestSchema> = {}): ChatRequest {
  const parts = [{ kind: { case: "text" as const, value: { text: "hi" } } }];
  return create(ChatRequestSchema, { messages: [{ role: MessageRole.USER, parts }], ...init });
}

/** Plays numbered words, a turn of the event loop each, then the end. */
export function words(count: number): Play {
  return async function* ({ step, signal }) {
    for (let index = 0; index < count; index += 1) {
      await turn();
      signal.throwIfAborted();
      yield [textDelta({ step, part: 0 }, `word ${index} `)];
    }
    yield [finishedEvent()];
  };
}

/** Plays numbered words without end, and then fails as its signal says. */
export const endlessWords: Play = words(Number.POSITIVE_INFINITY);

/** Plays what a client must get byte for byte: several events at a time, characters of several bytes, a tool call, usage that grows. */
export const mixed: Play = async function* ({ step, attempt, signal }) {
  const [thought, said, called] = [
    { step, part: 0 },
    { step, part: 1 },
    { step, part: 2 },
  ] as const;
  const head = { id: "call_1", idMinted: false, name: "look", executor: Executor.CALLER, freeForm: false };
  const used = { ...unknownUsage(), inputTotal: 7 };
  const reads = [
    [usageEvent(step, attempt, { ...used, outputTotal: 1 }, false), reasoningDelta(thought, "Hm, ")],
    [reasoningDelta(thought, "hm.")],
    [textDelta(said, "Zürich "), textDelta(said, "語 "), textDelta(said, "🙂 \n")],
    [toolCallStarted(called, head), toolCallDelta(called, '{"a":')],
    [toolCallDelta(called, "1 }"), toolCallFinished(called, head, '{"a":1 }')],
    [usageEvent(step, attempt, { ...used, outputTotal: 9 }, true), finishedEvent()],
  ];
  for (const events of reads) {
    await turn();
    signal.throwIfAborted();
    yield events;
  }
};

/** Plays the same up to its end, then a failure of the provider. */
export const mixedThenFailure: Play = async function* (input) {
  for await (const events of mixed(input)) if (events.at(-1)?.event.case !== "finished") yield events;
  throw new ExecutionError("PROVIDER_INTERNAL", "the provider failed");
};

/** What a reader was told, every event and the end, without the ids in which two runs of the same call differ. */
export function toldBy({ events, error }: Drained): JsonValue {
  const { extras, reason, code, message } = error ?? {};
  return {
    events: events.map((event) => toJson(ChatResponseSchema, withoutIds(event))),
    ...(error !== undefined && {
      error: { reason: `${reason}`, code: `${code}`, message: `${message}`, partial: `${extras?.partial}` },
    }),
    ...(extras?.failure !== undefined && {
      failure: toJson(ChatFailureSchema, { ...extras.failure, streamId: "", resumeToken: "" }),
    }),
  };
}

function withoutIds(response: ChatResponse): ChatResponse {
  const copy = clone(ChatResponseSchema, response);
  if (copy.event.case === "started") Object.assign(copy.event.value, { streamId: "", resumeToken: "" });
  return copy;
}

/** The context of a call of another tenant. */
export function strangersContext(): CallContext {
  return testContext({ principal: { ...anyone, tenant: "stranger" } });
}

/** A context whose RPC can be ended from outside. */
export function endableContext(overrides: Partial<CallContext> = {}): CallContext & { leave(): void } {
  const controller = new AbortController();
  return {
    ...testContext({ signal: controller.signal, end: (error) => controller.abort(error), ...overrides }),
    leave: () => controller.abort(new ExecutionError("CANCELLED", "the caller cancelled the call")),
  };
}

/** Reads at least so many events, and says where the stream can be taken up again. The reader stays attached. */
export async function readSome(stream: AsyncIterator<readonly ChatResponse[]>, count: number): Promise<ReadSoFar> {
  const events: ChatResponse[] = [];
  while (events.length < count) {
    const { done, value } = await stream.next();
    if (done === true) break;
    events.push(...value);
  }
  const { streamId, resumeToken } = startedOf(events);
  return { events, streamId, resumeToken };
}

/** Begins a call and leaves it once so many events have come. */
export async function leaveAfter(
  rig: StreamsRig,
  count: number,
  request: MessageInitShape<typeof ChatRequestSchema> = {},
): Promise<ReadSoFar> {
  const context = endableContext();
  const seen = await readSome(rig.open(request, context)[Symbol.asyncIterator](), count);
  context.leave();
  return seen;
}

/** The first event of a stream. Throws where it is another one. */
export function startedOf([first]: readonly ChatResponse[]): Started {
  if (first?.event.case !== "started") throw new Error("the stream does not begin with `started`");
  return first.event.value;
}

/** What a reader has seen. */
export interface ReadSoFar {
  readonly events: readonly ChatResponse[];
  readonly streamId: string;
  readonly resumeToken: string;
}
