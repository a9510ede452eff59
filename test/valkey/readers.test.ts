import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { OnDisconnect } from "../../src/gen/execution/v1/chat_pb.js";
import type { StreamStore } from "../../src/router/streams/store.ts";
import { attachToStored } from "../../src/router/streams/stored.ts";
import { createValkeyStreamStore } from "../../src/router/streams/valkey/valkey-store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createRig, endableContext, readSome, words } from "../router/streams/rig.ts";
import { newHead, running, suiteLimits, wordEvents } from "../router/streams/store-suite.ts";
import { drainStream, testContext } from "../support/routing.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let processes = 0;
const opened: StreamStore[] = [];

beforeAll(async () => {
  server = await startValkeyServer();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

afterAll(async () => {
  await server.stop();
});

const open = async (): Promise<StreamStore> => {
  processes += 1;
  const store = await createValkeyStreamStore({
    url: server.url,
    limits: suiteLimits,
    nowMs: Date.now,
    owner: `reading-${processes}`,
    log: createLog("silent"),
  });
  opened.push(store);
  return store;
};

/** Attaches a reader and reads what is there. Returns what ends it. */
async function attached(store: StreamStore, streamId: string) {
  const context = endableContext();
  const stored = await store.find(streamId);
  if (stored === undefined) throw new Error("the stream is not known");
  const reader = await attachToStored(stored, { after: 0, from: 0 }, context);
  await reader.next();
  return context;
}

describe("readers in peers", () => {
  // Mutant seen red: one mark for the readers of all processes, which the first that has none any more takes away.
  test("are still there when those of another process have left", async () => {
    const [owner, one, other] = [await open(), await open(), await open()];
    const left: string[] = [];
    const head = newHead();
    owner.begin(head, running({ leftElsewhere: () => left.push(head.streamId) })).append(wordEvents(1, 3));
    await owner.flushed();
    const [first, second] = [await attached(one, head.streamId), await attached(other, head.streamId)];
    first.leave();
    await sleep(200);
    expect(await owner.isRead(head.streamId)).toBe(true);
    expect(left).toEqual([]);
    second.leave();
    await waitFor(() => left.length > 0, { what: "the last reader's leaving" });
    expect(await owner.isRead(head.streamId)).toBe(false);
  });

  // Mutant seen red: a call ended when its time without a reader is over, although a peer has one.
  test("keep a call going on whose caller has left its own process", async () => {
    const [owner, peer] = [await open(), await open()];
    const unattended = { continueMs: 300, maxContinued: 4 };
    const first = createRig(slowWords(150), { streamStore: owner, newId: randomUUID, nowMs: Date.now, unattended });
    const second = createRig(words(1), { streamStore: peer, newId: randomUUID, nowMs: Date.now });
    const context = endableContext();
    const request = { onDisconnect: OnDisconnect.CONTINUE };
    const { resumeToken, events } = await readSome(first.open(request, context)[Symbol.asyncIterator](), 3);
    await owner.flushed();
    context.leave();
    const rest = await second.resume(resumeToken, events.length);
    expect(rest.error).toBeUndefined();
    expect(rest.events.at(-1)?.event.case).toBe("finished");
  });

  // Mutant seen red: a look at whether the stream can be joined that counts as a reader who has left again.
  test("who join by an idempotency key a stream that was handed over keep it", async () => {
    const [owner, peer] = [await open(), await open()];
    for (let round = 0; round < 10; round += 1) {
      const keyed = { idempotencyKey: `key ${newHead().streamId}` };
      const first = createRig(slowWords(40), { streamStore: owner, newId: randomUUID, nowMs: Date.now });
      const second = createRig(words(1), { streamStore: peer, newId: randomUUID, nowMs: Date.now });
      const reading = first.open(keyed)[Symbol.asyncIterator]();
      await readSome(reading, 3);
      await first.streams.handOver();
      await expect(drainStream(() => ({ [Symbol.asyncIterator]: () => reading }))).resolves.toMatchObject({
        error: { reason: "REATTACH" },
      });
      const joined = await drainStream(() => second.open(keyed, testContext()));
      expect(joined.error).toBeUndefined();
      expect(joined.events.at(-1)?.event.case).toBe("finished");
      expect(second.calls).toHaveLength(0);
    }
  });
});

/** Words that take their time. */
function slowWords(count: number): ReturnType<typeof words> {
  return async function* (input) {
    for await (const events of words(count)(input)) {
      await sleep(5, undefined, { signal: input.signal });
      yield events;
    }
  };
}
