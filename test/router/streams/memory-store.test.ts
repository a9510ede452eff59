import { describe, expect, test } from "@jest/globals";
import { createMemoryStreamStore, type MemoryStreamLimits } from "../../../src/router/streams/memory-store.ts";
import { describePeerRouters } from "./peer-suite.ts";
import { describeStreamStore, newHead, running, type StoresUnderTest, suiteLimits, wordEvents } from "./store-suite.ts";

async function open(limits: MemoryStreamLimits, nowMs: () => number): Promise<StoresUnderTest> {
  const store = createMemoryStreamStore(limits, nowMs);
  return { owner: store, peer: store, close: () => store.close() };
}

describeStreamStore("the stream store in memory", open);
describePeerRouters("two routers over the stream store in memory", open);

describe("the stream store in memory", () => {
  // Mutants seen red: streams that run not shrunk; what a dropped log held not given back.
  test("stays within its bound, whatever runs and has ended", () => {
    let dropped = 0;
    const limits = { ...suiteLimits, maxLogMemoryBytes: 1_000_000 };
    const store = createMemoryStreamStore(
      limits,
      () => 0,
      () => {
        dropped += 1;
      },
    );
    const logs = new Map(
      Array.from({ length: 20 }, () => newHead()).map((head) => [head, store.begin(head, running())]),
    );
    let ended = 0;
    for (let round = 0; round < 400; round += 1) {
      for (const log of logs.values()) log.append(wordEvents(log.lastSequence + 1, 20, "x".repeat(round % 90)));
      const held = [...logs.values()].reduce((sum, { heldBytes }) => sum + heldBytes, 0);
      expect(held).toBeLessThanOrEqual(limits.maxLogMemoryBytes);
      const [head, log] = [...logs][round % logs.size] ?? [];
      if (round % 3 !== 0 || head === undefined || log === undefined) continue;
      logs.delete(head);
      store.end(head, { endedAtMs: 0 });
      log.end({ endedAtMs: 0 });
      ended += 1;
      const next = newHead();
      logs.set(next, store.begin(next, running()));
    }
    expect(dropped).toBeGreaterThan(ended - 50);
  });

  // Mutant seen red: no end of what is known.
  test("forgets logs, and then streams, in the order they ended in", async () => {
    let now = 0;
    const store = createMemoryStreamStore(
      { ...suiteLimits, keepLogMs: 100, keepEndedMs: 1000, maxEnded: 3 },
      () => now,
    );
    const heads = Array.from({ length: 4 }, () => newHead());
    for (const [index, head] of heads.entries()) {
      now = index * 10;
      const log = store.begin(head, running());
      log.append(wordEvents(1, 1));
      store.end(head, { endedAtMs: now });
      log.end({ endedAtMs: now });
    }
    const known = async () =>
      Promise.all(heads.map(async ({ streamId }) => (await store.find(streamId)) !== undefined));
    const readable = async () =>
      Promise.all(
        heads.map(async ({ streamId }) => (await (await store.find(streamId))?.open(0))?.log.read(0) !== undefined),
      );
    expect(await known()).toEqual([false, true, true, true]);
    now = 115;
    expect(await readable()).toEqual([false, false, true, true]);
    expect(await known()).toEqual([false, true, true, true]);
    now = 1020;
    expect(await known()).toEqual([false, false, false, true]);
    await store.close();
  });
});
