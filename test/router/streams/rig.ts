import { setImmediate as turn } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { textDelta } from "../../../src/contract/events.ts";
import { ExecutionError } from "../../../src/errors.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponse,
  type Started,
} from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
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
