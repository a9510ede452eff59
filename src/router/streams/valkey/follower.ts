import { setTimeout as sleep } from "node:timers/promises";
import type { Valkey } from "../../../valkey.ts";
import type { Ended } from "../ended.ts";
import { EventLog } from "../log.ts";
import { type Entry, readEntries } from "./entries.ts";
import { names } from "./names.ts";

/** A copy of a peer's log for the readers here, from some event on. It is read from the server as its reader asks for more. */
export interface Replica {
  readonly streamId: string;
  readonly log: EventLog;
  /** Asks for more, once. */
  demand(): void;
  release(): void;
}

/** Follows the logs of peers, all over one connection. */
export interface Follower {
  /** Copies a log from the event after a number on, beginning with what was read of it already. */
  follow(streamId: string, after: number, entries: readonly Entry[]): Replica;
  /** Streams that somebody here reads. */
  followed(): readonly string[];
  close(): Promise<void>;
}

/** How a stream ended, and the number of its last event. */
export interface LastWord {
  readonly ended: Ended;
  readonly last: number;
}

/** What a follower needs. */
export interface FollowerDeps {
  readonly valkey: Valkey;
  /** Most bytes of a copy that its reader has not taken. */
  readonly maxLogBytes: number;
  /** Asked about a stream of which nothing comes: its process may be gone. Says how it ended, if it has. */
  readonly onSilence: (streamId: string) => Promise<LastWord | undefined>;
  /** The last copy of a stream was released. */
  readonly onReleased: (streamId: string) => void;
}

/** How long one read waits at the server, in milliseconds, and how many entries of each stream it takes. */
const WAIT_MS = 400;
const ENTRIES_AT_ONCE = 64;

/** How long to wait when the server cannot be reached. */
const RETRY_MS = 200;

/** How long nothing has come for a replica that wants more. */
interface Silence {
  /** When it began, or was last asked about, in milliseconds from an arbitrary start. */
  sinceMs: number;
  /** What it was found to mean. It is believed once nothing has come after that either. */
  lastWord?: LastWord | undefined;
}

/** Creates a follower that follows nothing. */
export function createFollower({ valkey, maxLogBytes, onSilence, onReleased }: FollowerDeps): Follower {
  const replicas = new Set<Replica>();
  const wanting = new Map<Replica, Silence>();
  let isClosed = false;
  let reading: Promise<void> | undefined;
  let isWaiting = false;

  const apply = ({ log }: Replica, entries: readonly Entry[]): void => {
    for (const { last, frames, ended } of entries) {
      if (log.ended !== undefined) return;
      if (frames !== undefined) log.appendFrames(frames);
      if (ended === undefined) continue;
      if (log.lastSequence < last) log.skipTo(last);
      log.end(ended);
    }
  };
  const readOnce = async (): Promise<void> => {
    // Several readers of one stream are one question: from where the one of them is that has the least.
    const askers = [...wanting.keys()];
    const asked = new Map<string, number>();
    for (const { streamId, log } of askers) {
      asked.set(streamId, Math.min(log.lastSequence, asked.get(streamId) ?? log.lastSequence));
    }
    const keys = [...asked.keys()].map((streamId) => names.log(streamId));
    const ids = [...asked.values()].map((last) => `${last}-0`);
    isWaiting = true;
    const reply = await valkey
      .block("XREAD", "COUNT", `${ENTRIES_AT_ONCE}`, "BLOCK", `${WAIT_MS}`, "STREAMS", ...keys, ...ids)
      .finally(() => {
        isWaiting = false;
      });
    const byKey = new Map<string, readonly Entry[]>();
    for (const [key, entries] of (reply ?? []) as readonly (readonly [Buffer, unknown])[]) {
      byKey.set(String(key), readEntries(entries));
    }
    // Who has come to want more meanwhile may be further behind than what was asked for.
    for (const replica of askers) {
      const entries = byKey.get(names.log(replica.streamId));
      if (entries === undefined || !wanting.has(replica)) continue;
      const before = replica.log.lastSequence;
      wanting.delete(replica);
      apply(replica, entries);
      // What came was for another reader of the stream.
      if (replica.log.lastSequence === before) want(replica);
    }
    await askAfter(askers.filter((replica) => !byKey.has(names.log(replica.streamId))));
  };
  /** Each stream has a silence of its own: others may have much to say meanwhile. */
  const askAfter = async (silent: readonly Replica[]): Promise<void> => {
    const now = performance.now();
    const asked = new Map<string, Promise<LastWord | undefined>>();
    await Promise.all(
      silent.map(async (replica) => {
        const { streamId, log } = replica;
        const silence = wanting.get(replica);
        if (silence === undefined || now - silence.sinceMs < WAIT_MS) return;
        silence.sinceMs = now;
        const { lastWord } = silence;
        if (lastWord === undefined) {
          const answer = asked.get(streamId) ?? onSilence(streamId);
          asked.set(streamId, answer);
          silence.lastWord = await answer;
          return;
        }
        wanting.delete(replica);
        if (log.lastSequence < lastWord.last) log.skipTo(lastWord.last);
        log.end(lastWord.ended);
      }),
    );
  };
  const readOn = async (): Promise<void> => {
    while (wanting.size > 0 && !isClosed) await readOnce().catch(() => sleep(RETRY_MS));
  };
  const want = (replica: Replica): void => {
    if (isClosed || replica.log.ended !== undefined) return;
    wanting.set(replica, { sinceMs: performance.now() });
    if (isWaiting) valkey.unblock().catch(() => undefined);
    reading ??= readOn().finally(() => {
      reading = undefined;
    });
  };

  return {
    follow: (streamId, after, entries) => {
      const log = new EventLog({ maxBytes: maxLogBytes, onHeld: () => undefined }, after + 1);
      const replica: Replica = {
        streamId,
        log,
        demand: () => want(replica),
        release: () => {
          wanting.delete(replica);
          if (!replicas.delete(replica)) return;
          if (![...replicas].some((other) => other.streamId === streamId)) onReleased(streamId);
        },
      };
      apply(replica, entries);
      replicas.add(replica);
      return replica;
    },
    followed: () => [...new Set([...replicas].map(({ streamId }) => streamId))],
    close: async () => {
      isClosed = true;
      if (isWaiting) await valkey.unblock().catch(() => undefined);
      await reading;
    },
  };
}
