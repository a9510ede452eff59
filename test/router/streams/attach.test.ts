import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { type ChatResponse, OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { ResumeRequestSchema, StreamState } from "../../../src/gen/execution/v1/streams_pb.js";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import { drainStream, testContext } from "../../support/routing.ts";
import { finishedEvent } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import {
  createRig,
  endableContext,
  endlessWords,
  leaveAfter,
  mixed,
  mixedThenFailure,
  readSome,
  startedOf,
  strangersContext,
  toldBy,
  words,
} from "./rig.ts";

const continues = { onDisconnect: OnDisconnect.CONTINUE };

const sequences = (events: readonly ChatResponse[]) => events.map(({ sequence }) => sequence);

describe("a caller that leaves and comes back", () => {
  // Mutants seen red: CONTINUE taken for CANCEL; numbers that begin anew with each read; a text that the log gives back without its last blank.
  test.each([
    ["finishes", mixed],
    ["fails after content", mixedThenFailure],
  ])("at any event gets the same events and the same end under CONTINUE: a call that %s", async (_name, play) => {
    const whole = await drainStream(() => createRig(play).open(continues));
    const checker = createInvariantChecker();
    expect(whole.events.flatMap((event) => checker.next(event) ?? [])).toEqual([]);
    for (let cut = 1; cut <= whole.events.length; cut += 1) {
      const rig = createRig(play);
      const { events, resumeToken } = await leaveAfter(rig, cut, continues);
      const after = await rig.resume(resumeToken, cut);
      const joined = { ...after, events: [...events.slice(0, cut), ...after.events] };
      expect({ cut, told: toldBy(joined) }).toEqual({ cut, told: toldBy(whole) });
    }
  });

  // Mutant seen red: what comes after the caller has left logged.
  test("under CANCEL gets CANCELLED although the provider finished just then", async () => {
    const rig = createRig(async function* ({ step, signal }) {
      yield [textDelta({ step, part: 0 }, "almost")];
      await once(signal, "abort");
      yield [finishedEvent()];
    });
    const context = endableContext();
    const stream = rig.open({}, context)[Symbol.asyncIterator]();
    const { events, resumeToken } = await readSome(stream, 3);
    const last = stream.next();
    context.leave();
    await expect(last).rejects.toMatchObject({ reason: "CANCELLED" });
    expect(await rig.resume(resumeToken, events.length)).toMatchObject({ events: [], error: { reason: "CANCELLED" } });
  });

  // Mutant seen red: CANCEL taken for CONTINUE.
  test("under CANCEL gets what was logged, then CANCELLED; the provider's request is closed", async () => {
    const rig = createRig(endlessWords);
    const { events, resumeToken, streamId } = await leaveAfter(rig, 5);
    await waitFor(() => rig.calls[0]?.aborted, { what: "the provider's signal" });
    const { events: replayed, error } = await rig.resume(resumeToken, 2);
    expect(sequences(replayed)).toEqual(sequences(events).slice(2));
    expect(error).toMatchObject({
      reason: "CANCELLED",
      extras: { partial: true, requestId: "req_test", failure: { streamId, resumeToken, lastSequence: events.length } },
    });
    expect(await rig.resume(resumeToken, 2)).toMatchObject({ error: { message: error?.message } });
    expect(await rig.describe(streamId)).toMatchObject({ state: StreamState.CANCELLED });
  });

  test("when its call has ended gets the end alone, or all of it", async () => {
    const rig = createRig(words(3));
    const { events } = await drainStream(() => rig.open());
    const { resumeToken } = startedOf(events);
    expect(await rig.resume(resumeToken, events.length)).toEqual({ events: [] });
    const { events: replayed } = await rig.resume(resumeToken, 0);
    expect(sequences(replayed)).toEqual(sequences(events));
  });

  // Mutants seen red: the tenant not compared; the secret not compared.
  test("is nobody else: another tenant and a wrong token find no stream", async () => {
    const rig = createRig(words(2));
    const { streamId, resumeToken } = await readSome(rig.open()[Symbol.asyncIterator](), 1);
    const nothing = { error: { reason: "STREAM_NOT_FOUND", code: Code.NOT_FOUND } };
    expect(await rig.resume(resumeToken, 0, strangersContext())).toMatchObject(nothing);
    const wrong = [
      `${resumeToken.slice(0, -1)}${resumeToken.endsWith("A") ? "B" : "A"}`,
      `${resumeToken}A`,
      streamId,
      `${streamId}.`,
      "x",
      ".",
    ];
    for (const token of wrong) expect(await rig.resume(token, 0)).toMatchObject(nothing);
    await expect(rig.cancel(streamId, strangersContext())).rejects.toMatchObject(nothing.error);
    await expect(rig.describe(streamId, strangersContext())).rejects.toMatchObject(nothing.error);
    await expect(rig.cancel("stream_unknown")).rejects.toMatchObject(nothing.error);
    await rig.streams.close();
  });

  test("cannot be ahead of its stream", async () => {
    const rig = createRig(words(2));
    const { resumeToken } = await readSome(rig.open()[Symbol.asyncIterator](), 1);
    expect(await rig.resume(resumeToken, 100)).toMatchObject({
      error: { reason: "INVALID_FIELD", extras: { fields: [{ field: "after_sequence" }] } },
    });
    await rig.streams.close();
  });

  test("gets tokens that nobody can guess", async () => {
    const rig = createRig(words(1));
    const tokens = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const { events } = await drainStream(() => rig.open());
        return startedOf(events).resumeToken;
      }),
    );
    expect(new Set(tokens).size).toBe(50);
    // 32 characters of 6 bits.
    expect(tokens.every((token) => /^stream_id\d+\.[\w-]{32}$/.test(token))).toBe(true);
  });
});

describe("a call that goes on without a reader", () => {
  // Mutant seen red: a call that goes on only while somebody asks for more.
  test("comes to its end by itself", async () => {
    const rig = createRig(words(50));
    const { streamId } = await leaveAfter(rig, 3, continues);
    await rig.streams.settled();
    expect(await rig.describe(streamId)).toMatchObject({ state: StreamState.FINISHED, lastSequence: 54 });
  });

  // Mutants seen red: no timer; a slot that is not given back.
  test("is cancelled when nobody comes back in time, and gives its place back", async () => {
    const rig = createRig(endlessWords, { unattended: { continueMs: 50, maxContinued: 1 } });
    for (let round = 0; round < 3; round += 1) {
      const { streamId } = await leaveAfter(rig, 3, continues);
      expect((await rig.describe(streamId)).state).toBe(StreamState.RUNNING);
      await waitFor(() => rig.calls[round]?.aborted, { what: "the end of its time" });
      expect(rig.calls[round]?.reason).toMatchObject({ reason: "CANCELLED" });
    }
  });

  // Mutant seen red: no bound.
  test("is cancelled at once where too many do", async () => {
    const rig = createRig(endlessWords, { unattended: { continueMs: 60_000, maxContinued: 2 } });
    for (let index = 0; index < 3; index += 1) await leaveAfter(rig, 3, continues);
    await waitFor(() => rig.calls[2]?.aborted, { what: "the third call's end" });
    expect(rig.calls.map(({ aborted }) => aborted)).toEqual([false, false, true]);
    await rig.streams.close();
  });

  // Mutant seen red: the wait not ended by a reader that comes.
  test("goes on no longer without one as soon as one is back", async () => {
    const rig = createRig(endlessWords, { unattended: { continueMs: 60_000, maxContinued: 1 } });
    const { resumeToken } = await leaveAfter(rig, 3, continues);
    const context = endableContext();
    const back = rig.resume(resumeToken, 0, context);
    await sleep(0);
    await leaveAfter(rig, 3, continues);
    expect(rig.calls.map(({ aborted }) => aborted)).toEqual([false, false]);
    context.leave();
    expect((await back).error).toMatchObject({ reason: "CANCELLED" });
    expect(rig.calls.map(({ aborted }) => aborted)).toEqual([true, false]);
    await rig.streams.close();
  });

  // Mutant seen red: the deadline left to the RPC that is gone.
  test("is still ended by the deadline it began with", async () => {
    const rig = createRig(endlessWords);
    const context = endableContext({ remainingMs: () => 50 });
    const { resumeToken } = await readSome(rig.open(continues, context)[Symbol.asyncIterator](), 3);
    context.leave();
    const { error } = await rig.resume(resumeToken, 0);
    expect(error).toMatchObject({ reason: "DEADLINE", code: Code.DEADLINE_EXCEEDED });
  });

  // Mutant seen red: a Resume's deadline taken for the call's.
  test("is not ended by the deadline of one that only came back to it", async () => {
    const rig = createRig(endlessWords);
    const { resumeToken } = await leaveAfter(rig, 3, continues);
    const controller = new AbortController();
    const back = rig.resume(resumeToken, 0, testContext({ signal: controller.signal }));
    await sleep(0);
    controller.abort(new ExecutionError("DEADLINE", "over"));
    const { events, error } = await back;
    expect(error).toMatchObject({
      reason: "DEADLINE",
      extras: { failure: { resumeToken, lastSequence: events.length } },
    });
    expect(rig.calls[0]?.aborted).toBe(false);
    await rig.streams.close();
  });
});

describe("several readers of one call", () => {
  // Mutant seen red: numbers that begin anew with each read.
  test("each get every event at their own pace, from one reading of the provider at the pace of the fastest", async () => {
    let asked = 0;
    let asking = 0;
    let most = 0;
    const rig = createRig(async function* ({ step }) {
      for (let index = 0; index < 40; index += 1) {
        asked += 1;
        asking += 1;
        most = Math.max(most, asking);
        await sleep(0);
        asking -= 1;
        yield [textDelta({ step, part: 0 }, `${index} `)];
      }
      yield* words(0)({ step } as never);
    });
    const owner = rig.open()[Symbol.asyncIterator]();
    const { resumeToken } = await readSome(owner, 3);
    const others = await Promise.all([1, 2, 3].map((after) => rig.resume(resumeToken, after)));
    expect(most).toBe(1);
    expect(asked).toBe(40);
    for (const [index, { events, error }] of others.entries()) {
      expect(error).toBeUndefined();
      expect(sequences(events)).toEqual(Array.from({ length: 44 - index - 1 }, (_, at) => at + index + 2));
    }
    const rest = await drainStream(() => ({ [Symbol.asyncIterator]: () => owner }));
    expect(sequences(rest.events)).toEqual(Array.from({ length: 41 }, (_, at) => at + 4));
  });

  // Mutant seen red: a read of the provider for each reader that waits.
  test("ask the provider once for what all of them wait for", async () => {
    let asked = 0;
    const rig = createRig(async function* ({ step }) {
      while (true) {
        asked += 1;
        await sleep(0);
        yield [textDelta({ step, part: 0 }, "x")];
      }
    });
    const owner = rig.open()[Symbol.asyncIterator]();
    const { events, resumeToken } = await readSome(owner, 4);
    const request = create(ResumeRequestSchema, { resumeToken, afterSequence: events.length });
    const others = [1, 2, 3].map(() => rig.streams.resume(request, testContext())[Symbol.asyncIterator]());
    const before = asked;
    await Promise.all([owner, ...others].map((reader) => reader.next()));
    await sleep(20);
    expect(asked).toBe(before + 1);
    await rig.streams.close();
  });

  test("do not keep a provider busy that none of them waits for", async () => {
    let asked = 0;
    const rig = createRig(async function* ({ step }) {
      while (true) {
        asked += 1;
        yield [textDelta({ step, part: 0 }, "x")];
      }
    });
    const owner = rig.open()[Symbol.asyncIterator]();
    const { events } = await readSome(owner, 6);
    await sleep(20);
    expect(asked).toBe(events.length - 2);
    await rig.streams.close();
  });

  // Mutant seen red: an event that is not there any more not noticed.
  test("that fall off the log are told so, and where they were", async () => {
    const rig = createRig(words(400), { logs: { maxLogBytes: 8192 } });
    const owner = rig.open()[Symbol.asyncIterator]();
    const { resumeToken, streamId } = await readSome(owner, 300);
    const { error, events } = await rig.resume(resumeToken, 1);
    expect(events).toEqual([]);
    expect(error).toMatchObject({
      reason: "RESUME_EXPIRED",
      code: Code.OUT_OF_RANGE,
      extras: { failure: { streamId, resumeToken, lastSequence: 1 } },
    });
    const near = await rig.resume(resumeToken, 290);
    expect(sequences(near.events).at(0)).toBe(291);
    expect(near.events.at(-1)?.event.case).toBe("finished");
  });
});

describe("Cancel", () => {
  // Mutant seen red: a Cancel that cancels nothing.
  test("ends a call whatever its on_disconnect, for all of its readers; once it has ended it changes nothing", async () => {
    const rig = createRig(endlessWords);
    const owner = rig.open(continues)[Symbol.asyncIterator]();
    const { streamId, resumeToken } = await readSome(owner, 3);
    const other = rig.resume(resumeToken, 0);
    expect(await rig.cancel(streamId)).toBe(StreamState.CANCELLED);
    await expect(drainStream(() => ({ [Symbol.asyncIterator]: () => owner }))).resolves.toMatchObject({
      error: { reason: "CANCELLED" },
    });
    expect((await other).error).toMatchObject({ reason: "CANCELLED" });
    expect(await rig.cancel(streamId)).toBe(StreamState.CANCELLED);

    const finished = createRig(words(1));
    const { events } = await drainStream(() => finished.open());
    expect(await finished.cancel(startedOf(events).streamId)).toBe(StreamState.FINISHED);
  });

  // Mutant seen red: waiting for the provider's last word without a bound.
  test("ends a call whose provider does not notice", async () => {
    const rig = createRig(async function* ({ step }) {
      yield [textDelta({ step, part: 0 }, "Dead")];
      await new Promise(() => undefined);
    });
    const owner = rig.open()[Symbol.asyncIterator]();
    const { streamId } = await readSome(owner, 3);
    const reading = owner.next();
    expect(await rig.cancel(streamId)).toBe(StreamState.CANCELLED);
    await expect(reading).rejects.toMatchObject({ reason: "CANCELLED" });
    await rig.streams.settled();
  });
});

describe("GetStream", () => {
  test("says how a call stands while it runs, and how it ended", async () => {
    const rig = createRig(mixedThenFailure);
    const owner = rig.open()[Symbol.asyncIterator]();
    const { streamId, events } = await readSome(owner, 4);
    expect(await rig.describe(streamId)).toMatchObject({
      streamId,
      requestId: "req_test",
      persona: "default",
      state: StreamState.RUNNING,
      lastSequence: events.length,
      attempts: [{ attempt: 0, outcome: AttemptOutcome.UNSPECIFIED, candidate: { provider: "near" } }],
      createTime: { seconds: expect.any(BigInt) },
    });
    await drainStream(() => ({ [Symbol.asyncIterator]: () => owner }));
    const ended = await rig.describe(streamId);
    expect(ended).toMatchObject({
      state: StreamState.FAILED,
      error: { code: Code.ABORTED },
      attempts: [{ outcome: AttemptOutcome.FAILED, reason: "PROVIDER_INTERNAL" }],
      endTime: { seconds: expect.any(BigInt) },
    });
  });

  test("says why the model stopped and what it all used", async () => {
    const rig = createRig(words(1));
    const { events } = await drainStream(() => rig.open());
    const { streamId } = startedOf(events);
    expect(await rig.describe(streamId)).toMatchObject({
      state: StreamState.FINISHED,
      finishReason: 1,
      lastSequence: events.length,
      attempts: [{ outcome: AttemptOutcome.WON }],
    });
  });
});
