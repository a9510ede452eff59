import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import type { StreamStore } from "../../src/router/streams/store.ts";
import { attachToStored } from "../../src/router/streams/stored.ts";
import { createPeers } from "../../src/router/streams/valkey/peers.ts";
import { createValkeyStreamStore } from "../../src/router/streams/valkey/valkey-store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey } from "../../src/valkey.ts";
import { newHead, running, suiteLimits, wordEvents } from "../router/streams/store-suite.ts";
import { type Drained, drainStream, testContext } from "../support/routing.ts";
import { openLink } from "../support/switchable-link.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let processes = 0;

beforeAll(async () => {
  server = await startValkeyServer();
});

afterAll(async () => {
  await server.stop();
});

const open = (url = server.url): Promise<StreamStore> => {
  processes += 1;
  const owner = `process-${processes}`;
  return createValkeyStreamStore({ url, limits: suiteLimits, nowMs: Date.now, owner, log: createLog("silent") });
};

const read = async (store: StreamStore, streamId: string, after: number): Promise<Drained> => {
  const stored = await store.find(streamId);
  if (stored === undefined) throw new Error("the stream is not known");
  const reader = await attachToStored(stored, { after, from: after }, testContext());
  return drainStream(() => reader);
};

describe("a process that is gone", () => {
  // Mutant seen red: a silence of which nobody asks why.
  test("leaves streams that end INTERRUPTED, alike for all who read them, and free for nobody's cancelling", async () => {
    const [owner, peer, other] = [await open(), await open(), await open()];
    const [head, cancelled] = [newHead(), newHead()];
    for (const each of [head, cancelled]) owner.begin(each, running()).append(wordEvents(1, 3));
    await owner.flushed();
    const reading = [peer, other].map((store) => read(store, head.streamId, 1));
    await owner.close();
    const outcomes = await Promise.all(reading);
    for (const { events, error } of [...outcomes, await read(peer, head.streamId, 1)]) {
      expect(events.map(({ sequence }) => sequence)).toEqual([2, 3]);
      expect(error).toMatchObject({
        reason: "INTERRUPTED",
        code: Code.ABORTED,
        message: outcomes[0]?.error?.message,
        extras: { partial: true, failure: { streamId: head.streamId, lastSequence: 3 } },
      });
    }
    // Who was ahead of what the process had written has not made a mistake.
    expect(await read(peer, head.streamId, 5)).toMatchObject({ events: [], error: { reason: "INTERRUPTED" } });
    const stored = await peer.find(cancelled.streamId);
    await stored?.cancel();
    expect((await stored?.status())?.ended?.error?.reason).toBe("INTERRUPTED");
    await Promise.all([peer.close(), other.close()]);
  });

  // Mutant seen red: a status that is what the process said last, which says RUNNING to whoever polls, for as long as nobody resumes.
  test("has ended for who only asks how its streams stand, and that changes nothing", async () => {
    const [owner, peer] = [await open(), await open()];
    const [head, finished] = [newHead(), newHead()];
    const logs = [head, finished].map((each) => owner.begin(each, running()));
    for (const log of logs) log.append(wordEvents(1, 3));
    await owner.flushed();
    const status = async (streamId: string) => (await peer.find(streamId))?.status();
    expect((await status(head.streamId))?.ended).toBeUndefined();
    owner.end(finished, { endedAtMs: 1 });
    logs[1]?.end({ endedAtMs: 1 });
    await owner.close();
    expect(await status(head.streamId)).toMatchObject({ lastSequence: 3, ended: { error: { reason: "INTERRUPTED" } } });
    expect((await status(finished.streamId))?.ended).toEqual({ endedAtMs: 1 });
    expect(await read(peer, head.streamId, 2)).toMatchObject({
      events: [{ sequence: 3 }],
      error: { reason: "INTERRUPTED" },
    });
    await peer.close();
  });
});

describe("a stream that ends while a peer attaches", () => {
  // Mutant seen red: its log asked for before whether it has ended, so that one that is not written yet is taken for one that is gone.
  test.each([1, 2, 3, 4])("is read to its end, when it ends after the peer's question %d", async (question) => {
    const owner = await open();
    const valkey = await connectValkey(server.url, createLog("silent"));
    const head = newHead();
    const log = owner.begin(head, running());
    log.append(wordEvents(1, 3));
    await owner.flushed();
    let questions = Number.NEGATIVE_INFINITY;
    const peers = createPeers({
      valkey: {
        ...valkey,
        send: async (...command) => {
          const reply = await valkey.send(...command);
          questions += 1;
          if (questions !== question) return reply;
          log.append(wordEvents(4, 3));
          const ended = { endedAtMs: Date.now() };
          owner.end(head, ended);
          log.end(ended);
          await owner.flushed();
          return reply;
        },
      },
      self: "peer",
      nowMs: Date.now,
      ...suiteLimits,
    });
    const stored = await peers.find(head.streamId);
    questions = 0;
    if (stored === undefined) throw new Error("the stream is not known");
    const reader = await attachToStored(stored, { after: 3, from: 3 }, testContext());
    const { events, error } = await drainStream(() => reader);
    expect(error).toBeUndefined();
    expect(events.map(({ sequence }) => sequence)).toEqual([4, 5, 6]);
    await Promise.all([peers.close(), owner.close()]);
    await valkey.close();
  });
});

describe("a server that cannot be reached", () => {
  // Mutants seen red: what could not be written not written again; a key that is given out without the server.
  test("stops no stream, refuses keys and strangers' streams, and is told the rest when it is back", async () => {
    const link = await openLink(Number(new URL(server.url).port));
    const [owner, peer] = [await open(`redis://127.0.0.1:${link.port}`), await open()];
    const head = newHead();
    const log = owner.begin(head, running());
    log.append(wordEvents(1, 10));
    await owner.flushed();
    await link.cut();
    log.append(wordEvents(11, 10));
    expect(log.read(0)).toHaveLength(20);
    const refused = { reason: "STATE_UNAVAILABLE", code: Code.UNAVAILABLE, retryable: true };
    await expect(owner.claim({ tenant: "t", key: "k", hash: "h" }, "s")).rejects.toMatchObject(refused);
    await expect(owner.find("stream_elsewhere")).rejects.toMatchObject(refused);
    expect(await owner.find(head.streamId)).toBeDefined();
    log.append(wordEvents(21, 10));
    await link.restore();
    let known = 0;
    const reading = read(peer, head.streamId, 0).then(({ events }) => {
      known = events.length;
    });
    const ended = { endedAtMs: Date.now() };
    owner.end(head, ended);
    log.end(ended);
    await waitFor(() => known > 0, { what: "the whole stream", timeoutMs: 30_000 });
    expect(known).toBe(30);
    await reading;
    await Promise.all([owner.close(), peer.close()]);
    await link.cut();
  });

  test("is told of at the start", async () => {
    const link = await openLink(1);
    const url = `redis://127.0.0.1:${link.port}`;
    await link.cut();
    await expect(open(url)).rejects.toThrow(/ECONNREFUSED/);
  });
});
