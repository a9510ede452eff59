import type { StreamSettings } from "../../config/config.ts";
import type { Ended, StreamHead } from "./ended.ts";
import { statusOf } from "./failure.ts";
import { createKeys, type KeyLimits } from "./keys.ts";
import { EventLog, LOG_OVERHEAD_BYTES } from "./log.ts";
import { createQueue } from "./queue.ts";
import type { RunningStream, StoredStream, StreamStore } from "./store.ts";

/** Bounds of what a process keeps of its streams. */
export interface MemoryStreamLimits
  extends KeyLimits,
    Pick<StreamSettings, "keepLogMs" | "maxLogBytes" | "maxLogMemoryBytes"> {
  /** How many ended streams are known, and for how long. */
  readonly maxEnded: number;
  readonly keepEndedMs: number;
}

/** How many running streams are looked at for bytes to give up when one of them has grown. */
const SHRINK_AT_ONCE = 8;

/** A stream that runs. A class for the reason of a roster's seats: a map's old tables keep it. */
class Entry {
  readonly head: StreamHead;
  readonly log: EventLog;
  /** Let go of when it ends, with all that the call held. */
  running: RunningStream | undefined;

  constructor(head: StreamHead, log: EventLog, running?: RunningStream) {
    this.head = head;
    this.log = log;
    this.running = running;
  }
}

/**
 * What is kept of a stream that has ended. An object of its own: an entry that began with the call and lives on would be old before the call ends, or made old where V8
 * pretenures, and keep what it holds of the call until the next full collection.
 */
interface EndedEntry {
  readonly head: StreamHead;
  readonly log: EventLog;
  readonly ended: Ended;
}

/** What a process without another store keeps beside its logs: some 250 MB if all of it is used. */
export const MEMORY_STREAMS = {
  maxEnded: 10_000,
  keepEndedMs: 86_400_000,
  maxKeys: 200_000,
  keepKeysMs: 86_400_000,
} as const;

/** A store in this process: nothing of it is left when the process ends, and no peer sees it. `onForgotten` is told of logs that are dropped. */
export function createMemoryStreamStore(
  limits: MemoryStreamLimits,
  nowMs: () => number,
  onForgotten: (streamId: string) => void = () => undefined,
): StreamStore {
  const running = new Map<string, Entry>();
  const ended = new Map<string, EndedEntry>();
  /** In the order they ended in. */
  const known = createQueue<EndedEntry>();
  /** Those of them whose log is still there. */
  const logged = createQueue<EndedEntry>();
  const keys = createKeys(limits, nowMs);
  let heldBytes = 0;
  let expiry: NodeJS.Timeout | undefined;

  const forgetOldestLog = (): void => {
    const oldest = logged.shift();
    if (oldest === undefined) return;
    oldest.log.shrink(0);
    onForgotten(oldest.head.streamId);
    // What is left is bounded by the number of streams that are known.
    heldBytes -= LOG_OVERHEAD_BYTES;
  };
  const dropExpired = (): void => {
    const now = nowMs();
    while (endOf(logged.peek()) + limits.keepLogMs <= now) forgetOldestLog();
    while (known.size > limits.maxEnded || endOf(known.peek()) + limits.keepEndedMs <= now) {
      if (known.peek() === logged.peek()) forgetOldestLog();
      ended.delete(known.shift()?.head.streamId ?? "");
    }
  };
  const expireLater = (): void => {
    if (expiry !== undefined || logged.size === 0) return;
    expiry = setTimeout(() => {
      expiry = undefined;
      dropExpired();
      expireLater();
    }, limits.keepLogMs);
    expiry.unref();
  };
  const onHeld = (bytes: number): void => {
    heldBytes += bytes;
    if (bytes < 0) return;
    while (heldBytes > limits.maxLogMemoryBytes && logged.size > 0) forgetOldestLog();
    if (heldBytes > limits.maxLogMemoryBytes) shrinkRunning();
  };
  /** Only running streams are left: each in turn loses its older half, a few at a time, since some may have nothing to lose. */
  const shrinkRunning = (): void => {
    let turns = Math.min(running.size, SHRINK_AT_ONCE);
    for (const [streamId, entry] of running) {
      if (turns === 0 || heldBytes <= limits.maxLogMemoryBytes) return;
      turns -= 1;
      entry.log.shrink(entry.log.heldBytes / 2);
      running.delete(streamId);
      running.set(streamId, entry);
    }
  };

  const logOptions = { maxBytes: limits.maxLogBytes, onHeld };

  return {
    shared: false,
    begin: (head, stream) => {
      const log = new EventLog(logOptions);
      running.set(head.streamId, new Entry(head, log, stream));
      return log;
    },
    end: (head, how, key) => {
      const entry = running.get(head.streamId);
      if (entry === undefined) return;
      running.delete(head.streamId);
      entry.running = undefined;
      const over: EndedEntry = { head, log: entry.log, ended: how };
      ended.set(head.streamId, over);
      known.push(over);
      logged.push(over);
      if (key !== undefined) keys.end(key);
      dropExpired();
      expireLater();
    },
    find: async (streamId) => {
      dropExpired();
      const entry = running.get(streamId);
      if (entry !== undefined) return storedStream(entry, () => ended.get(streamId)?.ended ?? entry.log.ended);
      const over = ended.get(streamId);
      return over && storedStream(new Entry(over.head, over.log), () => over.ended);
    },
    claim: async (use, streamId) => keys.claim(use, streamId),
    isRead: async () => false,
    get heldBytes() {
      return heldBytes;
    },
    flushed: async () => undefined,
    close: async () => clearTimeout(expiry),
  };
}

function endOf(entry: EndedEntry | undefined): number {
  return entry?.ended.endedAtMs ?? Number.POSITIVE_INFINITY;
}

function storedStream(entry: Entry, endOfIt: () => Ended | undefined): StoredStream {
  const { head, log } = entry;
  return {
    head,
    status: async () => statusOf(log, endOfIt(), entry.running?.figures()),
    open: async () => ({ log, demand: () => undefined, release: () => undefined }),
    cancel: async () => entry.running?.cancel(),
  };
}
