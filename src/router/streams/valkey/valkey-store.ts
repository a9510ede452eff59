import { setTimeout as sleep } from "node:timers/promises";
import { ExecutionError } from "../../../errors.ts";
import type { Log } from "../../../telemetry/log.ts";
import { statusOf } from "../failure.ts";
import { createMemoryStreamStore, type MemoryStreamLimits } from "../memory-store.ts";
import type { Claim, KeyUse, RunningStream, StreamStore } from "../store.ts";
import { connectValkey } from "./connection.ts";
import { createMirror } from "./mirror.ts";
import { names } from "./names.ts";
import { createPeers } from "./peers.ts";
import { CLAIM } from "./scripts.ts";
import { readFailure } from "./texts.ts";

/** What a shared store is made of. */
export interface ValkeyStoreOptions {
  /** Such as `redis://user:password@host:6379/0`, `rediss:` for TLS. */
  readonly url: string;
  readonly limits: MemoryStreamLimits;
  /** Id of this process, unique among its peers. */
  readonly owner: string;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** How often a process says that it lives, in milliseconds. */
const BEAT_MS = 1500;

/** How long a call that joins another one waits for it to be known, and how often it looks. */
const APPEAR_MS = 2000;
const LOOK_MS = 20;

/**
 * Connects to a Valkey or Redis server (7 or later, one primary) that processes share: each serves the streams of all, and idempotency keys hold for all.
 * A stream is logged in its own process, as in memory, and written to the server behind it, so that calls do not wait for the server; only keys do,
 * and whoever asks for a peer's stream. Rejects if the server cannot be reached.
 */
export async function createValkeyStreamStore(options: ValkeyStoreOptions): Promise<StreamStore> {
  const { limits, owner, nowMs, log } = options;
  const valkey = await connectValkey(options.url, log);
  const mirror = createMirror({ valkey, owner, log, ...limits });
  const own = createMemoryStreamStore(limits, nowMs, mirror.forget);
  const peers = createPeers({ valkey, nowMs, ...limits });
  const running = new Map<string, RunningStream>();

  const beat = async (): Promise<void> => {
    await Promise.all([mirror.beat(), peers.beat()]);
  };
  const onControl = async (message: string): Promise<void> => {
    const [what, streamId = ""] = message.split(" ");
    const stream = running.get(streamId);
    if (stream === undefined) return;
    if (what === "cancel") await stream.cancel();
    else if (!(await isRead(streamId))) stream.leftElsewhere();
  };
  const isRead = async (streamId: string): Promise<boolean> =>
    Number(await valkey.send("EXISTS", names.reader(streamId))) > 0;
  await valkey.subscribe(names.control(owner), (message) => {
    onControl(message).catch((thrown: unknown) => log.error("a peer's word on a stream failed", thrown));
  });
  await beat();
  const beating = setInterval(() => beat().catch(() => undefined), BEAT_MS);
  beating.unref();

  const claim = async (use: KeyUse, streamId: string): Promise<Claim> => {
    const reply = await valkey.run(CLAIM, [names.key(use)], [use.hash, streamId, String(limits.keepKeysMs)]);
    const [kind, stream, failure] = (reply as readonly (Buffer | null)[]).map((word) => word && String(word));
    if (kind === "mine" || kind === "other") return { kind };
    const claimed = { kind: "same" as const, streamId: stream ?? "" };
    if (failure != null) return { ...claimed, failure: readFailure(failure) };
    // Its process has taken the key and may not have written more yet.
    for (let waited = 0; waited < APPEAR_MS && (await find(claimed.streamId)) === undefined; waited += LOOK_MS) {
      await sleep(LOOK_MS);
    }
    return claimed;
  };
  const find: StreamStore["find"] = async (streamId) => (await own.find(streamId)) ?? peers.find(streamId);

  return {
    shared: true,
    begin: (head, stream) => {
      const events = own.begin(head, stream);
      running.set(head.streamId, stream);
      mirror.begin({ head, log: events, status: (ended) => statusOf(events, ended, stream.figures()) });
      return events;
    },
    end: (head, ended, key) => {
      running.delete(head.streamId);
      own.end(head, ended);
      mirror.end(head.streamId, ended, key);
    },
    find: (streamId) => orUnavailable(find(streamId)),
    claim: (use, streamId) => orUnavailable(claim(use, streamId)),
    isRead,
    get heldBytes() {
      return own.heldBytes;
    },
    flushed: () => mirror.flushed(),
    close: async () => {
      clearInterval(beating);
      await mirror.flushed();
      await Promise.all([mirror.close(), peers.close(), own.close()]);
      // What this process still had running has ended by now; peers need not wait for its silence.
      await valkey.send("DEL", names.owner(owner)).catch(() => undefined);
      await valkey.close();
    },
  };
}

/** An answer that only the server can give is refused while it cannot be reached: guessing could bill twice. */
async function orUnavailable<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked;
  } catch (cause) {
    if (cause instanceof ExecutionError) throw cause;
    throw new ExecutionError("STATE_UNAVAILABLE", "the state that processes share cannot be reached", {
      retryAfterMs: 1000,
      cause,
    });
  }
}
