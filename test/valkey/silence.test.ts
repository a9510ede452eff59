import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { StreamStore } from "../../src/router/streams/store.ts";
import { attachToStored } from "../../src/router/streams/stored.ts";
import { names } from "../../src/router/streams/valkey/names.ts";
import { createValkeyStreamStore } from "../../src/router/streams/valkey/valkey-store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey, type Valkey } from "../../src/valkey.ts";
import { newHead, running, suiteLimits, wordEvents } from "../router/streams/store-suite.ts";
import { type Drained, drainStream, testContext } from "../support/routing.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { within } from "../support/wait.ts";

let server: ValkeyServer;
let operator: Valkey;
let processes = 0;
const opened = new Set<StreamStore>();

beforeAll(async () => {
  server = await startValkeyServer();
  operator = await connectValkey(server.url, createLog("silent"));
});

afterEach(async () => {
  await Promise.all([...opened].map((store) => store.close()));
  opened.clear();
});

afterAll(async () => {
  await operator.close();
  await server.stop();
});

const open = async (): Promise<StreamStore> => {
  processes += 1;
  const owner = `silent-${processes}`;
  const options = { url: server.url, limits: suiteLimits, nowMs: Date.now, owner, log: createLog("silent") };
  const store = await createValkeyStreamStore(options);
  opened.add(store);
  return store;
};

/** Reads a stream to its end. Resolves once the reader is attached. */
async function startReading(store: StreamStore, streamId: string, after: number): Promise<{ end: Promise<Drained> }> {
  const stored = await store.find(streamId);
  if (stored === undefined) throw new Error("the stream is not known");
  const reader = await attachToStored(stored, { after, from: after }, testContext());
  return {
    end: within(
      drainStream(() => reader),
      { what: "the end", timeoutMs: 20_000 },
    ),
  };
}

/** A stream with three words. */
async function begin(owner: StreamStore) {
  const head = newHead();
  const log = owner.begin(head, running());
  log.append(wordEvents(1, 3));
  await owner.flushed();
  return { ...head, log };
}

const kill = async (store: StreamStore): Promise<void> => {
  opened.delete(store);
  await store.close();
};

describe("a reader in a peer", () => {
  // Mutant seen red: silence noticed only where nobody hears anything.
  test("learns that a stream's process is gone although another stream has much to say", async () => {
    const [gone, alive, peer] = [await open(), await open(), await open()];
    const [silent, busy] = [await begin(gone), await begin(alive)];
    const talking = setInterval(() => busy.log.append(wordEvents(busy.log.lastSequence + 1, 1)), 50);
    const other = await startReading(peer, busy.streamId, 0);
    const { end } = await startReading(peer, silent.streamId, 0);
    await kill(gone);
    const { error } = await end;
    clearInterval(talking);
    const ended = { endedAtMs: Date.now() };
    alive.end(busy, ended);
    busy.log.end(ended);
    await other.end;
    expect(error).toMatchObject({ reason: "INTERRUPTED" });
  });

  // Mutant seen red: the end looked for only behind what the reader has.
  test("learns the end of a stream whose process died before it had written all that the reader has", async () => {
    const [gone, peer] = [await open(), await open()];
    const { streamId } = await begin(gone);
    const { end } = await startReading(peer, streamId, 5);
    await kill(gone);
    expect(await end).toMatchObject({ events: [], error: { reason: "INTERRUPTED" } });
  });

  // Mutant seen red: a log that is dropped while it is read taken for one that has nothing to say.
  test("is told that the events it waits for are gone", async () => {
    const [owner, peer] = [await open(), await open()];
    const stream = await begin(owner);
    const stored = await peer.find(stream.streamId);
    if (stored === undefined) throw new Error("the stream is not known");
    const reader = await attachToStored(stored, { after: 1, from: 1 }, testContext());
    expect((await reader.next()).value).toHaveLength(2);
    stream.log.append(wordEvents(4, 3));
    const ended = { endedAtMs: Date.now() };
    owner.end(stream, ended);
    stream.log.end(ended);
    await owner.flushed();
    await operator.send("DEL", names.log(stream.streamId));
    const next = within(reader.next(), { what: "the end", timeoutMs: 10_000 });
    await expect(next).rejects.toMatchObject({ reason: "RESUME_EXPIRED" });
  });
});
