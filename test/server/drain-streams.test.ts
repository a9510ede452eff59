import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema, type ChatResponse, OnDisconnect } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import {
  GetStreamRequestSchema,
  type GetStreamResponse,
  ResumeRequestSchema,
  StreamState,
} from "../../src/gen/execution/v1/streams_pb.js";
import { AttemptOutcome } from "../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import type { AttemptRow, LedgerStore } from "../../src/ledger/store.ts";
import { createMemoryStore } from "../../src/ledger/stores/memory.ts";
import { createMemoryStreamStore, MEMORY_STREAMS } from "../../src/router/streams/memory-store.ts";
import type { Dispatcher, ServerCall } from "../../src/server/dispatcher.ts";
import { readSome, words } from "../router/streams/rig.ts";
import { createBackend } from "../support/backend.ts";
import { testConfig } from "../support/routing.ts";
import type { Play } from "../support/scripted-adapter.ts";
import { waitFor, within } from "../support/wait.ts";

const LOGS = { ...MEMORY_STREAMS, ...testConfig().streams };

/** A ledger that also keeps its rows in order. */
function recordingLedger(): { readonly ledger: LedgerStore; readonly rows: AttemptRow[] } {
  const rows: AttemptRow[] = [];
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100 });
  return {
    rows,
    ledger: {
      ...ledger,
      settle: (row) => {
        rows.push(row);
        return ledger.settle(row);
      },
    },
  };
}

/** Begins a call of an RPC. */
function begin(dispatcher: Dispatcher, method: keyof typeof ExecutionService.method): ServerCall {
  return dispatcher.begin({
    method: ExecutionService.method[method],
    header: () => undefined,
    host: "127.0.0.1",
  });
}

/** Runs an RPC on the dispatcher, as a wire does, and gives back its responses one array at a time. */
async function open<Schema extends DescMessage>(
  dispatcher: Dispatcher,
  method: keyof typeof ExecutionService.method,
  schema: Schema,
  init: MessageInitShape<Schema>,
) {
  const call = begin(dispatcher, method);
  const responses = (await call.run(create(schema, init)))[Symbol.asyncIterator]();
  return { call, responses: responses as AsyncIterator<readonly ChatResponse[]> };
}

const asking = {
  messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text" as const, value: { text: "hi" } } }] }],
  onDisconnect: OnDisconnect.CONTINUE,
};

/** Reads to the end, as a wire does: the call is over after it. */
async function readOn({
  call,
  responses,
}: Awaited<ReturnType<typeof open>>): Promise<{ readonly events: ChatResponse[]; readonly error?: unknown }> {
  const events: ChatResponse[] = [];
  try {
    for (let next = await responses.next(); next.done !== true; next = await responses.next())
      events.push(...next.value);
    return { events };
  } catch (error) {
    return { events, error };
  } finally {
    call.end();
  }
}

/** Says words for ever, with what it has used. */
const endless: Play = async function* ({ step, attempt, signal }) {
  yield [usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 7 }, false)];
  for await (const events of words(Number.POSITIVE_INFINITY)({ step, attempt, signal } as never)) yield events;
};

describe("while a process drains", () => {
  // Mutants seen red: Resume refused like a new call; calls without a caller not waited for.
  test("streams that run can be attached to and are waited for, with or without a caller; new calls are refused", async () => {
    const gate = Promise.withResolvers<void>();
    const { dispatcher } = createBackend({
      play: async function* (input) {
        yield [textDelta({ step: 0, part: 0 }, "first ")];
        await gate.promise;
        yield* words(2)(input);
      },
      limits: { drainMs: 60_000 },
    });
    const first = await open(dispatcher, "chat", ChatRequestSchema, asking);
    const { events, resumeToken, streamId } = await readSome(first.responses, 3);
    first.call.cancel();
    first.call.end();
    expect(dispatcher.running).toBe(0);

    const drained = dispatcher.drain();
    expect(() => begin(dispatcher, "chat")).toThrow(
      expect.objectContaining({ reason: "DRAINING", code: Code.UNAVAILABLE }),
    );
    const state = await open(dispatcher, "getStream", GetStreamRequestSchema, { streamId });
    const [described] = (await state.responses.next()).value as readonly unknown[];
    state.call.end();
    expect((described as GetStreamResponse).state).toBe(StreamState.RUNNING);
    const back = await open(dispatcher, "resume", ResumeRequestSchema, { resumeToken, afterSequence: events.length });
    const rest = readOn(back);
    gate.resolve();
    expect((await rest).events.at(-1)?.event.case).toBe("finished");
    await within(drained, { what: "the drain" });
    expect(() => begin(dispatcher, "resume")).toThrow(expect.objectContaining({ reason: "DRAINING" }));
  });

  // Mutant seen red: an attached call left to run on.
  test("what is attached when its time is over ends INTERRUPTED, with what it used and a row in the ledger", async () => {
    const { ledger, rows } = recordingLedger();
    const { dispatcher } = createBackend({ play: endless, limits: { drainMs: 20 }, routing: { ledger } });
    const first = await open(dispatcher, "chat", ChatRequestSchema, asking);
    const { resumeToken } = await readSome(first.responses, 5);
    const rest = readOn(first);
    await within(dispatcher.drain(), { what: "the drain" });
    const { error } = await rest;
    expect(error).toBeInstanceOf(ExecutionError);
    expect(error).toMatchObject({
      reason: "INTERRUPTED",
      code: Code.ABORTED,
      extras: {
        partial: true,
        failure: { resumeToken, usage: { inputTotal: 7 }, attempts: [{ reason: "INTERRUPTED" }] },
      },
    });
    expect(rows).toMatchObject([{ outcome: AttemptOutcome.FAILED, reason: "INTERRUPTED", usage: { inputTotal: 7 } }]);
  });

  // Mutant seen red: the streams closed without what runs in them.
  test("what runs without a caller when its time is over ends INTERRUPTED when the process closes, with a row in the ledger", async () => {
    const { ledger, rows } = recordingLedger();
    const { dispatcher, router } = createBackend({ play: endless, limits: { drainMs: 20 }, routing: { ledger } });
    const first = await open(dispatcher, "chat", ChatRequestSchema, asking);
    const { streamId } = await readSome(first.responses, 5);
    first.call.cancel();
    first.call.end();
    await within(dispatcher.drain(), { what: "the drain" });
    expect(rows).toEqual([]);
    await within(router.streams.close(), { what: "the streams" });
    await waitFor(() => rows.length > 0, { what: "the row" });
    expect(rows).toMatchObject([{ streamId, reason: "INTERRUPTED", usage: { inputTotal: 7 } }]);
  });

  // Mutants seen red: streams without a caller left running; calls of a store that is shared handed over (REATTACH).
  test.each([false, true])(
    "what runs is interrupted at once when there is no more time, with or without a caller, shared or not (%s)",
    async (shared) => {
      const { ledger, rows } = recordingLedger();
      const streamStore = { ...createMemoryStreamStore(LOGS, Date.now), shared };
      const limits = { drainMs: 3_600_000 };
      const { dispatcher } = createBackend({ play: endless, limits, routing: { streamStore, ledger } });
      const first = await open(dispatcher, "chat", ChatRequestSchema, asking);
      const { resumeToken } = await readSome(first.responses, 5);
      const rest = readOn(first);
      const left = await open(dispatcher, "chat", ChatRequestSchema, asking);
      await readSome(left.responses, 5);
      left.call.cancel();
      left.call.end();
      const drained = dispatcher.drain();
      dispatcher.interrupt();
      await within(drained, { what: "the drain" });
      expect((await rest).error).toMatchObject({ reason: "INTERRUPTED", extras: { failure: { resumeToken } } });
      expect(dispatcher.held()).toMatchObject({ calls: 0, streams: 0 });
      expect(rows.map(({ reason }) => reason)).toEqual(["INTERRUPTED", "INTERRUPTED"]);
    },
  );
});
