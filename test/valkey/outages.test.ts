import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import type { StreamStore } from "../../src/router/streams/store.ts";
import { attachToStored } from "../../src/router/streams/stored.ts";
import { names } from "../../src/router/streams/valkey/names.ts";
import { createValkeyStreamStore } from "../../src/router/streams/valkey/valkey-store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey, type Valkey } from "../../src/valkey.ts";
import { createRig, words } from "../router/streams/rig.ts";
import { newHead, running, suiteLimits, wordEvents } from "../router/streams/store-suite.ts";
import { drainStream, testContext } from "../support/routing.ts";
import { openLink } from "../support/switchable-link.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

let server: ValkeyServer;
let operator: Valkey;
let processes = 0;
const opened: StreamStore[] = [];

beforeAll(async () => {
  server = await startValkeyServer();
  operator = await connectValkey(server.url, createLog("silent"));
});

afterEach(async () => {
  await operator.send("CONFIG", "SET", "maxmemory", "0");
  await operator.send("CLIENT", "UNPAUSE");
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

afterAll(async () => {
  await operator.close();
  await server.stop();
});

const open = async (url = server.url, limits = suiteLimits): Promise<StreamStore> => {
  processes += 1;
  const store = await createValkeyStreamStore({
    url,
    limits,
    nowMs: Date.now,
    owner: `outage-${processes}`,
    log: createLog("silent"),
  });
  opened.push(store);
  return store;
};

describe("a server that is full", () => {
  // Mutant seen red: an end that asks the call how it stands, which keeps all of the call until it is written.
  test("holds nothing of a call that has ended, and is told of its end when there is room", async () => {
    const [owner, peer] = [await open(), await open()];
    await operator.send("CONFIG", "SET", "maxmemory", "1");
    const head = newHead();
    let hasEnded = false;
    const figures = () => {
      if (hasEnded) throw new Error("asked after its end");
      return { attempts: [] };
    };
    const log = owner.begin(head, running({ figures }));
    log.append(wordEvents(1, 3));
    const ended = { endedAtMs: Date.now() };
    owner.end(head, ended);
    log.end(ended);
    hasEnded = true;
    const use = { tenant: "t", key: "k", hash: "h" };
    await expect(owner.claim(use, "s")).rejects.toMatchObject({ reason: "STATE_UNAVAILABLE" });
    await operator.send("CONFIG", "SET", "maxmemory", "0");
    let known = false;
    const look = async (): Promise<void> => {
      known = (await (await peer.find(head.streamId))?.status())?.ended !== undefined;
    };
    await waitFor(
      () => {
        look().catch(() => undefined);
        return known;
      },
      { what: "the stream's end" },
    );
  });
});

describe("a server that is gone for long", () => {
  // Mutant seen red: every stream that ends kept until it can be written.
  test("is told of as many streams that have ended as are known, of the latest", async () => {
    const link = await openLink(Number(new URL(server.url).port));
    const owner = await open(`redis://127.0.0.1:${link.port}`, { ...suiteLimits, maxEnded: 3 });
    const peer = await open();
    await link.cut();
    const heads = Array.from({ length: 6 }, () => newHead());
    for (const head of heads) {
      const log = owner.begin(head, running());
      log.append(wordEvents(1, 3));
      const ended = { endedAtMs: Date.now() };
      owner.end(head, ended);
      log.end(ended);
    }
    await link.restore();
    const known = async (): Promise<readonly boolean[]> =>
      Promise.all(
        heads.map(async ({ streamId }) => (await (await peer.find(streamId))?.status())?.ended !== undefined),
      );
    for (let tries = 0; tries < 200 && !(await known()).at(-1); tries += 1) await sleep(20);
    await owner.flushed();
    await link.cut();
    expect(await known()).toEqual([false, false, false, true, true, true]);
  });
});

describe("a server that does not answer", () => {
  const pause = (): Promise<unknown> => operator.send("CLIENT", "PAUSE", "2500", "ALL");

  // Mutant seen red: the caller's end not looked at while the server is waited for.
  test("keeps no caller beyond its deadline, and no key", async () => {
    const store = await open();
    const rig = createRig(words(2), { streamStore: store, newId: randomUUID });
    const keyed = { idempotencyKey: `key ${newHead().streamId}` };
    await pause();
    const controller = new AbortController();
    let isOver = false;
    const call = drainStream(() => rig.open(keyed, testContext({ signal: controller.signal })));
    const over = call.then(() => {
      isOver = true;
    });
    controller.abort(new ExecutionError("DEADLINE", "over"));
    await waitFor(() => isOver, { what: "the end of the call", timeoutMs: 1000 });
    expect((await call).error).toMatchObject({ reason: "DEADLINE" });
    await over;
    await operator.send("CLIENT", "UNPAUSE");
    // Another request, so that it is made only if the key was given back.
    let last: string | undefined;
    const makeAgain = async (): Promise<void> => {
      const { events } = await drainStream(() => rig.open({ ...keyed, endUserId: "x" }));
      last = events.at(-1)?.event.case;
    };
    for (let tries = 0; tries < 50 && last !== "finished"; tries += 1) {
      await makeAgain();
      await sleep(20);
    }
    expect(last).toBe("finished");
  });
});

describe("a server that has lost all it knew", () => {
  // Mutant seen red: a stream taken for known because it was written once.
  test("is told again of the streams that run", async () => {
    const [owner, peer] = [await open(), await open()];
    const head = newHead();
    const log = owner.begin(head, running());
    log.append(wordEvents(1, 3));
    await owner.flushed();
    await operator.send("FLUSHALL");
    await operator.send("SCRIPT", "FLUSH");
    expect(await peer.find(head.streamId)).toBeUndefined();
    log.append(wordEvents(4, 3));
    for (let tries = 0; tries < 100 && (await peer.find(head.streamId)) === undefined; tries += 1) await sleep(50);
    const ended = { endedAtMs: Date.now() };
    owner.end(head, ended);
    log.end(ended);
    await owner.flushed();
    const stored = await peer.find(head.streamId);
    if (stored === undefined) throw new Error("the stream is not known");
    const reader = await attachToStored(stored, { after: 0, from: 0 }, testContext());
    const { events, error } = await drainStream(() => reader);
    expect(error).toBeUndefined();
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("a server whose answer is lost", () => {
  // Mutant seen red: a key that nobody has although it is taken, for a day.
  test("is told that the key it gave out is not used", async () => {
    const link = await openLink(Number(new URL(server.url).port));
    const store = await open(`redis://127.0.0.1:${link.port}`);
    const use = { tenant: "t", key: `key ${newHead().streamId}`, hash: "h" };
    // The server knows the script from here on.
    await store.claim({ ...use, key: `other ${use.key}` }, "stream_other");
    link.deafen();
    const claim = store.claim(use, "stream_lost");
    const isTaken = async (): Promise<boolean> => Number(await operator.send("EXISTS", names.key(use))) === 1;
    for (let tries = 0; tries < 100 && !(await isTaken()); tries += 1) await sleep(10);
    await link.cut();
    await expect(claim).rejects.toMatchObject({ reason: "STATE_UNAVAILABLE" });
    await link.restore();
    const again = await (await open()).claim(use, "stream_next");
    await link.cut();
    expect(again).toEqual({ kind: "mine" });
  });
});
