import { chatEvent } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { type ChatResponse, OnDisconnect } from "../../gen/execution/v1/chat_pb.js";
import type {
  CancelRequest,
  CancelResponse,
  GetStreamRequest,
  GetStreamResponse,
  ResumeRequest,
} from "../../gen/execution/v1/streams_pb.js";
import { Billed } from "../../gen/execution/v1/usage_pb.js";
import { createKeyedRoster } from "../../roster.ts";
import { unlessAborted } from "../../unless-aborted.ts";
import type { Call, CallContext, Next, Stage } from "../call.ts";
import { hashOfRequest } from "./canonical.ts";
import { describeStream, stateOf } from "./describe.ts";
import type { StreamHead } from "./ended.ts";
import { chatFailure } from "./failure.ts";
import type { Reader } from "./reader.ts";
import { aheadError, interruptedError, mismatchError, replayExpiredError } from "./refusals.ts";
import { createRun, type Run } from "./run.ts";
import type { Claim, KeyEnd, KeyUse, StoredStream, StreamStore } from "./store.ts";
import { attachToStored, findById, findByToken, type Position } from "./stored.ts";
import { createUnattended, type UnattendedLimits } from "./unattended.ts";

/** Streams as logs with readers: whoever began a call, comes back to it, or shares it by an idempotency key reads in the same way. */
export interface Streams {
  /** Begins a stream, numbers its events and ends it in one way; or joins, or replays, the one its idempotency key is for. */
  readonly stage: Stage;
  /** Events after the given one and the stream's end. Throws STREAM_NOT_FOUND, RESUME_EXPIRED, INVALID_FIELD. */
  resume(request: ResumeRequest, context: CallContext): AsyncIterable<readonly ChatResponse[]>;
  /** The same for the stream of an id, which within a tenant is as good as its token. */
  attach(streamId: string, position: Position, context: CallContext): Promise<AsyncIterable<readonly ChatResponse[]>>;
  /** Throws STREAM_NOT_FOUND. */
  cancel(request: CancelRequest, context: CallContext): Promise<CancelResponse>;
  /** Throws STREAM_NOT_FOUND. */
  describe(request: GetStreamRequest, context: CallContext): Promise<GetStreamResponse>;
  /** Ends every reader of a running stream with REATTACH, if a peer can serve it; the streams go on. Else does nothing. */
  handOver(): Promise<void>;
  /** How many streams run in this process, and the bytes that its logs hold. */
  held(): { readonly streams: number; readonly logBytes: number };
  /** Resolves once every call that runs now has ended. */
  settled(): Promise<void>;
  /** Ends what runs with INTERRUPTED, whoever could serve it. */
  interrupt(): void;
  /** Ends with INTERRUPTED what still runs, what a peer can serve only after `handOverMs`, and closes the store. */
  close(): Promise<void>;
}

/** What streams need from outside. */
export interface StreamsDeps {
  readonly store: StreamStore;
  readonly unattended: UnattendedLimits;
  /** How long `close` lets streams go on that a peer can serve, in milliseconds. */
  readonly handOverMs: number;
  readonly newId: () => string;
  /** Text of at least 128 random bits, of a fixed length and without a dot. */
  readonly newSecret: () => string;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** Where a reader stands that has nothing. */
const START: Position = { after: 0, from: 0 };

/** Creates the streams of a process. */
export function createStreams({ store, newId, newSecret, nowMs, ...deps }: StreamsDeps): Streams {
  const running = createKeyedRoster<Run>();
  const unattended = createUnattended(deps.unattended);

  /** Begins a call's stream, for its caller to read. */
  const begin = (call: Call, next: Next, key?: KeyUse): Reader => {
    const { context, record, streamId, resolved } = call;
    const head: StreamHead = {
      streamId,
      requestId: context.requestId,
      tenant: context.principal.tenant,
      resumeToken: `${streamId}.${newSecret()}`,
      persona: resolved.persona,
      createdAtMs: nowMs(),
      continues: resolved.request.onDisconnect === OnDisconnect.CONTINUE,
    };
    const controller = new AbortController();
    const log = store.begin(head, {
      figures: () => run.figures(),
      cancel: () => {
        run.abort(new ExecutionError("CANCELLED", "the call was cancelled by Cancel"));
        return run.closed;
      },
      leftElsewhere: () => run.leftElsewhere(),
    });
    const run: Run = createRun({
      head,
      log,
      controller,
      record,
      unattended,
      newId,
      nowMs,
      started: startedEvent(head),
      source: next({ ...call, context: { ...context, signal: controller.signal } })[Symbol.asyncIterator](),
      isReadElsewhere: () => store.isRead(streamId),
      onEnd: (ended) => store.end(head, ended, key && keyEnd(key, head, run, ended.error !== undefined)),
      onClosed: () => running.remove(streamId),
    });
    running.add(streamId, run);
    return run.attach(0, context, true);
  };

  const find = (streamId: string, { principal, signal }: CallContext): Promise<StoredStream> =>
    unlessAborted(findById(store, streamId, principal.tenant), signal);
  const attach = (stored: StoredStream, position: Position, context: CallContext): Promise<Reader> =>
    unlessAborted(attachWhenever(stored, position, context), context.signal);
  const attachWhenever = async (stored: StoredStream, position: Position, context: CallContext): Promise<Reader> => {
    const run = running.get(stored.head.streamId);
    if (run === undefined) return attachToStored(stored, position, context);
    const { after, from } = position;
    if (after > run.log.lastSequence) throw aheadError(after, run.log.lastSequence);
    return run.attach(from, context);
  };

  const share = async function* share(call: Call, next: Next): AsyncGenerator<readonly ChatResponse[]> {
    const { context, asked } = call;
    const use = { tenant: context.principal.tenant, key: asked.idempotencyKey, hash: hashOfRequest(asked) };
    // A store that does not answer keeps nobody beyond their time; a key that it gives out later is that of a call whose caller has left.
    yield* await unlessAborted(claimed(call, next, use), context.signal);
  };
  const claimed = async (call: Call, next: Next, use: KeyUse): Promise<Reader> => {
    const claim = await store.claim(use, call.streamId);
    if (claim.kind === "other") throw mismatchError();
    return claim.kind === "mine" ? begin(call, next, use) : join(claim, call.context);
  };
  /** Reads the stream of an earlier call with the same key and request from its beginning. */
  const join = async (claim: Extract<Claim, { kind: "same" }>, context: CallContext): Promise<Reader> => {
    const stored = await store.find(claim.streamId);
    const beginning = await stored?.open(0);
    try {
      if (stored !== undefined && beginning?.log.read(0) !== undefined) return await attach(stored, START, context);
    } finally {
      // Only now: a look that ends before the reader is there would be a last reader that leaves.
      beginning?.release();
    }
    const { lastSequence = 0, ...figures } = (await stored?.status()) ?? { attempts: [] };
    const head = stored?.head ?? { streamId: claim.streamId, resumeToken: "" };
    throw replayExpiredError(claim.failure ?? chatFailure(head, figures, lastSequence));
  };

  const settled = async (): Promise<void> => {
    await Promise.all(running.all().map(({ closed }) => closed));
  };
  const interrupt = (): void => {
    for (const run of running.all()) run.abort(interruptedError());
  };
  const settledWithin = async (ms: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([settled(), promise]);
    clearTimeout(timer);
  };

  return {
    stage: (call, next) =>
      call.asked.idempotencyKey === ""
        ? { [Symbol.asyncIterator]: () => begin(call, next) }
        : { [Symbol.asyncIterator]: () => share(call, next) },
    resume: async function* resume({ resumeToken, afterSequence }, context) {
      const stored = await unlessAborted(findByToken(store, resumeToken, context.principal.tenant), context.signal);
      yield* await attach(stored, { after: afterSequence, from: afterSequence }, context);
    },
    attach: async (streamId, afterSequence, context) => attach(await find(streamId, context), afterSequence, context),
    cancel: async ({ streamId }, context) => {
      const stored = await find(streamId, context);
      await stored.cancel();
      const { ended } = await stored.status();
      return { $typeName: "execution.v1.CancelResponse", state: stateOf(ended) };
    },
    describe: async ({ streamId }, context) => {
      const { head, status } = await find(streamId, context);
      return describeStream(head, await unlessAborted(status(), context.signal));
    },
    handOver: async () => {
      if (!store.shared) return;
      await store.flushed();
      for (const run of running.all()) run.handOver();
    },
    held: () => ({ streams: running.size, logBytes: store.heldBytes }),
    settled,
    interrupt,
    close: async () => {
      if (store.shared) await settledWithin(deps.handOverMs);
      interrupt();
      await settled();
      await store.flushed();
      await store.close();
    },
  };
}

/** What becomes of the key of a call that has ended. One that failed before it cost anything may be made again. */
function keyEnd(use: KeyUse, head: StreamHead, { figures, log }: Run, failed: boolean): KeyEnd {
  const done = figures();
  const free = failed && done.attempts.every(({ billed }) => billed === Billed.NO);
  return { ...use, failure: chatFailure(head, done, log.lastSequence), free };
}

function startedEvent({ streamId, requestId, resumeToken, persona }: StreamHead): ChatResponse {
  return chatEvent({
    case: "started",
    value: { $typeName: "execution.v1.Started", streamId, requestId, resumeToken, persona },
  });
}
