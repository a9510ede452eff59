import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import type { MemoryStreamLimits } from "../../../src/router/streams/memory-store.ts";
import { drainStream } from "../../support/routing.ts";
import type { Play } from "../../support/scripted-adapter.ts";
import { createRig, leaveAfter, mixed, mixedThenFailure, readSome, type StreamsRig, toldBy, words } from "./rig.ts";
import { type StoresUnderTest, suiteLimits } from "./store-suite.ts";

/** No answer that was heard of, and no word on what was used. */
const failInDoubt: Play = async function* () {
  yield [];
  throw new ExecutionError("PROVIDER_TIMEOUT", "no answer in time");
};

/** Something that is billed, then the rest once the gate opens. */
const gated = (gate: Promise<void>): Play =>
  async function* ({ step, attempt, signal }) {
    yield [textDelta({ step, part: 0 }, "first ")];
    await gate;
    yield [usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 7, outputTotal: 1 }, false)];
    yield* words(3)({ step, attempt, signal } as never);
  };

/** What two routers that share a store must do: the one that called, and a peer that never did. In memory both are in one process. */
export function describePeerRouters(
  name: string,
  open: (limits: MemoryStreamLimits, nowMs: () => number) => Promise<StoresUnderTest>,
): void {
  describe(name, () => {
    let now = 2_000_000;
    const opened: StoresUnderTest[] = [];
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    const routers = async (limits: Partial<MemoryStreamLimits> = {}) => {
      const both = await open({ ...suiteLimits, ...limits }, () => now);
      opened.push(both);
      const rig = (streamStore: StoresUnderTest["owner"], play: Play): StreamsRig =>
        createRig(play, { streamStore, newId: randomUUID, nowMs: () => now });
      return {
        owner: (play: Play) => rig(both.owner, play),
        /** Whose provider says what no test wants to hear. */
        peer: () => rig(both.peer, words(1)),
        flushed: () => both.owner.flushed(),
        /** Lets what is kept for a millisecond pass, by the clock of the process and by the server's. */
        wait: async () => {
          await both.owner.flushed();
          now += 20;
          await sleep(20);
        },
      };
    };
    const newKey = () => ({ idempotencyKey: `key ${randomUUID()}` });

    // Mutants seen red: a peer that reads from the beginning; a text that the log gives back without its last blank.
    test.each([
      ["finishes", mixed],
      ["fails after content", mixedThenFailure],
    ])("a call that %s is the same, cut after any event and taken up at the peer", async (_name, play) => {
      const { owner, peer, flushed } = await routers();
      const request = { onDisconnect: OnDisconnect.CONTINUE };
      const whole = await drainStream(() => owner(play).open(request));
      expect(whole.events.length).toBeGreaterThan(10);
      for (let cut = 1; cut <= whole.events.length; cut += 1) {
        const { events, resumeToken } = await leaveAfter(owner(play), cut, request);
        await flushed();
        const after = await peer().resume(resumeToken, cut);
        const joined = { ...after, events: [...events.slice(0, cut), ...after.events] };
        expect({ cut, told: toldBy(joined) }).toEqual({ cut, told: toldBy(whole) });
      }
    });

    // Mutants seen red: the key not looked at; at a server, keys that each process keeps for itself.
    test("an idempotency key joins a call that runs", async () => {
      const { owner, peer } = await routers();
      const gate = Promise.withResolvers<void>();
      const [first, second, keyed] = [owner(gated(gate.promise)), peer(), newKey()];
      const reading = first.open(keyed)[Symbol.asyncIterator]();
      const begun = await readSome(reading, 3);
      const joining = second.open(keyed)[Symbol.asyncIterator]();
      const joined = await readSome(joining, 3);
      gate.resolve();
      const [whole, other] = await Promise.all(
        [reading, joining].map((each) => drainStream(() => ({ [Symbol.asyncIterator]: () => each }))),
      );
      expect(joined.streamId).toBe(begun.streamId);
      expect(whole?.events.at(-1)?.event.case).toBe("finished");
      expect([...joined.events, ...(other?.events ?? [])]).toEqual([...begun.events, ...(whole?.events ?? [])]);
      expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
    });

    // Mutant seen red: a key that is free again once its call has ended.
    test.each([
      ["finished", mixed],
      ["failed after content", mixedThenFailure],
      ["may have been billed", failInDoubt],
    ])("an idempotency key replays a call that %s", async (_name, play) => {
      const { owner, peer, flushed } = await routers();
      const [first, second, keyed] = [owner(play), peer(), newKey()];
      const whole = await drainStream(() => first.open(keyed));
      await flushed();
      const again = await drainStream(() => second.open(keyed));
      expect(again.events).toEqual(whole.events);
      expect(toldBy(again)).toEqual(toldBy(whole));
      expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
    });

    // Mutant seen red: the hash not compared.
    test("an idempotency key is refused for another request", async () => {
      const { owner, peer } = await routers();
      const [first, second, keyed] = [owner(mixed), peer(), newKey()];
      await drainStream(() => first.open(keyed));
      for (const rig of [first, second]) {
        const { events, error } = await drainStream(() => rig.open({ ...keyed, endUserId: "somebody" }));
        expect(events).toEqual([]);
        expect(error).toMatchObject({ reason: "IDEMPOTENCY_MISMATCH", code: Code.FAILED_PRECONDITION });
      }
      expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
    });

    // Mutants seen red: the provider called again when the log is gone; what the call did not kept.
    test("an idempotency key whose answer is not kept any more says what it cost, and calls nobody", async () => {
      const { owner, peer, wait } = await routers({ keepLogMs: 1 });
      const [first, second, keyed] = [owner(mixed), peer(), newKey()];
      const { events } = await drainStream(() => first.open(keyed));
      await wait();
      for (const rig of [first, second]) {
        const { events: replayed, error } = await drainStream(() => rig.open(keyed));
        expect(replayed).toEqual([]);
        expect(error).toMatchObject({
          reason: "IDEMPOTENCY_REPLAY_EXPIRED",
          code: Code.FAILED_PRECONDITION,
          extras: {
            failure: { usage: { inputTotal: 7, outputTotal: 9 }, costNanoUsd: 0n, lastSequence: events.length },
          },
        });
      }
      expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
    });

    // Mutants seen red: a key that is kept for ever; one that is not given back.
    test("an idempotency key is free after its time, and after a call that failed before anybody billed it", async () => {
      const { owner, peer, flushed, wait } = await routers({ keepKeysMs: 1 });
      const expired = newKey();
      await drainStream(() => owner(mixed).open(expired));
      await wait();
      const kept = await routers();
      const refused = newKey();
      const refusing = kept.owner(async function* ({ onHeaders }) {
        onHeaders();
        yield [];
        throw new ExecutionError("PROVIDER_REJECTED", "no");
      });
      expect((await drainStream(() => refusing.open(refused))).error).toMatchObject({ reason: "PROVIDER_REJECTED" });
      await Promise.all([flushed(), kept.flushed()]);
      for (const [second, keyed] of [[peer(), expired] as const, [kept.peer(), refused] as const]) {
        const { events } = await drainStream(() => second.open({ ...keyed, endUserId: "somebody" }));
        expect(events.at(-1)?.event.case).toBe("finished");
        expect(second.calls).toHaveLength(1);
      }
    });
  });
}
