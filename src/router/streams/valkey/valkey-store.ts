import { ExecutionError } from "../../../errors.ts";
import type { Log } from "../../../telemetry/log.ts";
import { connectValkey } from "../../../valkey.ts";
import { statusOf } from "../failure.ts";
import { createMemoryStreamStore, type MemoryStreamLimits } from "../memory-store.ts";
import type { RunningStream, StreamStore } from "../store.ts";
import { createKeyClaims } from "./key-claims.ts";
import { createMirror } from "./mirror.ts";
import { names } from "./names.ts";
import { createPeers } from "./peers.ts";

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
  const peers = createPeers({ valkey, self: owner, nowMs, ...limits });
  const running = new Map<string, RunningStream>();
  const find: StreamStore["find"] = async (streamId) => (await own.find(streamId)) ?? peers.find(streamId);
  const keys = createKeyClaims({ valkey, keepKeysMs: limits.keepKeysMs, find });

  const beat = async (): Promise<void> => {
    await Promise.all([mirror.beat(), peers.beat(), keys.giveBack()]);
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

  return {
    shared: true,
    begin: (head, stream) => {
      const events = own.begin(head, stream);
      running.set(head.streamId, stream);
      // By its id: a log outlives its call, and must not keep what the call holds.
      const figures = () => running.get(head.streamId)?.figures();
      mirror.begin({ head, log: events, status: (ended) => statusOf(events, ended, figures()) });
      return events;
    },
    end: (head, ended, key) => {
      running.delete(head.streamId);
      own.end(head, ended);
      mirror.end(head.streamId, ended, key);
    },
    find: (streamId) => orUnavailable(find(streamId)),
    claim: (use, streamId) => orUnavailable(keys.claim(use, streamId)),
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
