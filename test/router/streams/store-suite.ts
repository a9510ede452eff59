import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "@jest/globals";
import { chatEvent, textDelta } from "../../../src/contract/events.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { type ChatResponse, FinishedSchema, FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { AttemptOutcome, AttemptSummarySchema, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import type { Ended, StreamHead } from "../../../src/router/streams/ended.ts";
import { chatFailure, terminalError } from "../../../src/router/streams/failure.ts";
import type { MemoryStreamLimits } from "../../../src/router/streams/memory-store.ts";
import type { KeyUse, RunningStream, StreamStore } from "../../../src/router/streams/store.ts";
import { attachToStored } from "../../../src/router/streams/stored.ts";
import { type Drained, drainStream, testContext } from "../../support/routing.ts";
import { waitFor } from "../../support/wait.ts";

/** A store as two processes see it. In memory there is one process, and both are the same. */
export interface StoresUnderTest {
  readonly owner: StreamStore;
  readonly peer: StreamStore;
  /** Ends the owner's process without a word, where there are two. */
  readonly killOwner?: () => Promise<void>;
  close(): Promise<void>;
}

/** Bounds that no test meets unless it says so. */
export const suiteLimits: MemoryStreamLimits = {
  keepLogMs: 60_000,
  maxLogBytes: 4 * 1024 * 1024,
  maxLogMemoryBytes: 64 * 1024 * 1024,
  maxEnded: 1000,
  keepEndedMs: 60_000,
  maxKeys: 1000,
  keepKeysMs: 60_000,
};

let count = 0;

/** A stream of its own for each test, whatever else is at a server. */
export function newHead(overrides: Partial<StreamHead> = {}): StreamHead {
  count += 1;
  const streamId = `stream_${process.pid}_${Date.now()}_${count}`;
  return {
    streamId,
    requestId: "req_1",
    tenant: "t",
    resumeToken: `${streamId}.secret`,
    persona: "default",
    createdAtMs: 1_000_000,
    continues: false,
    ...overrides,
  };
}

const attempt = create(AttemptSummarySchema, {
  attempt: 0,
  outcome: AttemptOutcome.WON,
  billed: Billed.YES,
  costNanoUsd: 5n,
});

const figures = { attempts: [attempt], costNanoUsd: 5n };

export const running = (overrides: Partial<RunningStream> = {}): RunningStream => ({
  figures: () => figures,
  cancel: async () => undefined,
  leftElsewhere: () => undefined,
  ...overrides,
});

/** Numbered words, from one number on. */
export function wordEvents(first: number, count: number, word = "word"): ChatResponse[] {
  return Array.from({ length: count }, (_, index) => {
    const event = textDelta({ step: 0, part: 0 }, `${word} ${first + index} `);
    event.sequence = first + index;
    return event;
  });
}

function finishedEvent(sequence: number): ChatResponse {
  const event = chatEvent({
    case: "finished",
    value: create(FinishedSchema, { reason: FinishReason.LENGTH, attempts: [attempt], costNanoUsd: 5n }),
  });
  event.sequence = sequence;
  return event;
}

const sequences = ({ events }: Pick<Drained, "events">) => events.map(({ sequence }) => sequence);

const count1 = (last: number, first = 1) => Array.from({ length: last + 1 - first }, (_, index) => first + index);

/** What every store must do. */
export function describeStreamStore(
  name: string,
  open: (limits: MemoryStreamLimits, nowMs: () => number) => Promise<StoresUnderTest>,
): void {
  describe(name, () => {
    let now = 2_000_000;
    const opened: StoresUnderTest[] = [];
    const stores = async (limits: Partial<MemoryStreamLimits> = {}): Promise<StoresUnderTest> => {
      const each = await open({ ...suiteLimits, ...limits }, () => now);
      opened.push(each);
      return each;
    };
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    /** Reads a stream from the event after a number to its end, as a reader in the peer does. */
    const read = async ({ peer }: StoresUnderTest, streamId: string, after: number): Promise<Drained> => {
      const stored = await peer.find(streamId);
      if (stored === undefined) throw new Error("the stream is not known");
      const reader = await attachToStored(stored, { after, from: after }, testContext());
      return drainStream(() => reader);
    };

    const finish = (
      { owner }: StoresUnderTest,
      head: StreamHead,
      log: { append(events: readonly ChatResponse[]): void; end(ended: Ended): void; readonly lastSequence: number },
    ): void => {
      log.append([finishedEvent(log.lastSequence + 1)]);
      const ended = { endedAtMs: now };
      owner.end(head, ended);
      log.end(ended);
    };

    test("knows a stream that has ended: its head, its events after any number, how it went", async () => {
      const both = await stores();
      const head = newHead();
      const log = both.owner.begin(head, running());
      for (let first = 1; first <= 300; first += 3) log.append(wordEvents(first, 3));
      finish(both, head, log);
      await both.owner.flushed();
      const stored = await both.peer.find(head.streamId);
      expect(stored?.head).toEqual(head);
      for (const after of [0, 1, 150, 299, 300, 301]) {
        expect(sequences(await read(both, head.streamId, after))).toEqual(count1(301, after + 1));
      }
      expect(await stored?.status()).toMatchObject({
        lastSequence: 301,
        finishReason: FinishReason.LENGTH,
        attempts: [{ outcome: AttemptOutcome.WON, costNanoUsd: 5n }],
        costNanoUsd: 5n,
        ended: { endedAtMs: now },
      });
    });

    // Mutant seen red: a reader that is told of what is there when it comes, and of no more.
    test("lets readers follow a stream that runs, from where they are", async () => {
      const both = await stores();
      const head = newHead();
      const log = both.owner.begin(head, running());
      log.append(wordEvents(1, 10));
      await both.owner.flushed();
      const outcomes = [0, 7, 10].map((after) => read(both, head.streamId, after));
      for (let first = 11; first <= 200; first += 10) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.append(wordEvents(first, 10));
      }
      finish(both, head, log);
      const read3 = await Promise.all(outcomes);
      expect(read3.map(sequences)).toEqual([count1(201), count1(201, 8), count1(201, 11)]);
      expect(read3.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
      expect(read3[0]?.events[150]).toEqual(wordEvents(151, 1)[0]);
    });

    test("says how a stream runs, and keeps the error it ends with as it is", async () => {
      const both = await stores();
      const head = newHead();
      const log = both.owner.begin(head, running());
      log.append(wordEvents(1, 2));
      await both.owner.flushed();
      await waitForStatus(both.peer, head.streamId);
      expect(await (await both.peer.find(head.streamId))?.status()).not.toHaveProperty("ended");
      const error = new ExecutionError("PROVIDER_RATE_LIMITED", "not now", {
        provider: "near",
        model: "m",
        retryAfterMs: 5,
        quotas: [{ subject: "s", description: "d" }],
        cause: new Error("for the log"),
      });
      const ended = { endedAtMs: now, error: terminalError(error, head, true, chatFailure(head, figures, 2)) };
      both.owner.end(head, ended);
      log.end(ended);
      await both.owner.flushed();
      const { error: told } = await read(both, head.streamId, 2);
      expect(told).toBeInstanceOf(ExecutionError);
      expect(told).toMatchObject({
        reason: "PROVIDER_RATE_LIMITED",
        message: "not now",
        code: Code.ABORTED,
        extras: {
          provider: "near",
          model: "m",
          partial: true,
          requestId: "req_1",
          failure: {
            streamId: head.streamId,
            resumeToken: head.resumeToken,
            lastSequence: 2,
            costNanoUsd: 5n,
            attempts: [{ billed: Billed.YES }],
          },
        },
      });
      expect(await (await both.peer.find(head.streamId))?.status()).toMatchObject({
        lastSequence: 2,
        attempts: [{}],
        ended: {},
      });
    });

    // Mutant seen red: the oldest events not dropped where peers read.
    test("tells a reader whose events are gone", async () => {
      const both = await stores({ maxLogBytes: 20_000 });
      const head = newHead();
      const log = both.owner.begin(head, running());
      for (let first = 1; first <= 3000; first += 10) log.append(wordEvents(first, 10));
      await both.owner.flushed();
      expect(await read(both, head.streamId, 1)).toMatchObject({
        events: [],
        error: { reason: "RESUME_EXPIRED", extras: { failure: { lastSequence: 1 } } },
      });
      finish(both, head, log);
      await both.owner.flushed();
      expect(sequences(await read(both, head.streamId, 2990))).toEqual(count1(3001, 2991));
    });

    test("knows how a stream ended when its log is dropped for others", async () => {
      const both = await stores({ maxLogMemoryBytes: 20_000 });
      const head = newHead();
      const log = both.owner.begin(head, running());
      log.append(wordEvents(1, 50));
      finish(both, head, log);
      const other = both.owner.begin(newHead(), running());
      for (let first = 1; first <= 3000; first += 10) other.append(wordEvents(first, 10));
      await both.owner.flushed();
      await waitForError(() => read(both, head.streamId, 3), "RESUME_EXPIRED");
      expect((await read(both, head.streamId, 51)).error).toBeUndefined();
      expect(await (await both.peer.find(head.streamId))?.status()).toMatchObject({ lastSequence: 51, attempts: [{}] });
    });

    test("does not know what never was", async () => {
      const both = await stores();
      expect(await both.peer.find("stream_unknown")).toBeUndefined();
    });

    // Mutant seen red: a cancellation that reaches nobody.
    test("lets a stream be cancelled from everywhere", async () => {
      const both = await stores();
      const head = newHead();
      const log = both.owner.begin(
        head,
        running({
          cancel: async () => {
            const ended = {
              endedAtMs: now,
              error: new ExecutionError("CANCELLED", "cancelled", { failure: chatFailure(head, figures, 1) }),
            };
            both.owner.end(head, ended);
            log.end(ended);
          },
        }),
      );
      log.append(wordEvents(1, 1));
      await both.owner.flushed();
      const stored = await both.peer.find(head.streamId);
      await stored?.cancel();
      expect((await stored?.status())?.ended?.error?.reason).toBe("CANCELLED");
      await stored?.cancel();
    });

    describe("with idempotency keys", () => {
      const use = (key: string, hash = "h", tenant = "t"): KeyUse => ({
        tenant,
        key: `${key} ${newHead().streamId}`,
        hash,
      });

      // Mutant seen red: a key that is looked at, then taken.
      test("gives one to one of a hundred who want it at once", async () => {
        const { owner, peer } = await stores();
        const wanted = use("many");
        const claims = await Promise.all(
          Array.from({ length: 100 }, (_, index) =>
            (index % 2 === 0 ? owner : peer).claim(wanted, beginQuickly(owner, `${index}`)),
          ),
        );
        expect(claims.filter(({ kind }) => kind === "mine")).toHaveLength(1);
        const first = claims.findIndex(({ kind }) => kind === "mine");
        const streams = new Set(
          claims.flatMap((claim) => (claim.kind === "same" ? [claim.streamId.split("-")[0]] : [])),
        );
        expect(streams).toEqual(new Set([`${first}`]));
      });

      test("tells other requests and other tenants apart", async () => {
        const { owner, peer } = await stores();
        const wanted = use("k");
        const streamId = beginQuickly(owner, "a");
        expect(await owner.claim(wanted, streamId)).toEqual({ kind: "mine" });
        expect(await peer.claim(wanted, "other")).toMatchObject({ kind: "same", streamId });
        expect(await peer.claim({ ...wanted, hash: "other" }, "other")).toEqual({ kind: "other" });
        expect(await peer.claim({ ...wanted, tenant: "another" }, "other")).toEqual({ kind: "mine" });
      });

      // Mutants seen red: a key that is not given back; what the call did not kept.
      test("gives one back, or keeps what its call did", async () => {
        const { owner, peer } = await stores();
        for (const free of [true, false]) {
          const wanted = use("k");
          const head = newHead();
          await owner.claim(wanted, head.streamId);
          const log = owner.begin(head, running());
          const ended = { endedAtMs: now };
          owner.end(head, ended, { ...wanted, free, failure: chatFailure(head, figures, 9) });
          log.end(ended);
          await owner.flushed();
          expect(await peer.claim(wanted, "next")).toMatchObject(
            free
              ? { kind: "mine" }
              : { kind: "same", streamId: head.streamId, failure: { lastSequence: 9, costNanoUsd: 5n } },
          );
        }
      });

      test("gives one to another request after its time", async () => {
        const { owner, peer } = await stores({ keepKeysMs: 1 });
        const wanted = use("k");
        await owner.claim(wanted, beginQuickly(owner, "a"));
        now += 20;
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await peer.claim({ ...wanted, hash: "other" }, "next")).toEqual({ kind: "mine" });
      });
    });
  });
}

/** Begins a stream, so that a key can be of one that is known; its id begins with a name. */
function beginQuickly(owner: StreamStore, name: string): string {
  const head = newHead();
  const streamId = `${name}-${head.streamId}`;
  owner.begin({ ...head, streamId }, running());
  return streamId;
}

async function waitForStatus(store: StreamStore, streamId: string): Promise<void> {
  let attempts = 0;
  const look = async (): Promise<void> => {
    attempts = (await (await store.find(streamId))?.status())?.attempts.length ?? 0;
  };
  await waitFor(
    () => {
      look().catch(() => undefined);
      return attempts > 0;
    },
    { what: "the status" },
  );
}

async function waitForError(probe: () => Promise<Drained>, reason: string): Promise<void> {
  let seen = "";
  const look = async (): Promise<void> => {
    seen = (await probe()).error?.reason ?? "";
  };
  for (let tries = 0; tries < 200 && seen !== reason; tries += 1) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(seen).toBe(reason);
}
