import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../../telemetry/log.ts";
import type { Valkey } from "../../../valkey.ts";
import type { Ended, StreamHead, StreamStatus } from "../ended.ts";
import type { EventLog } from "../log.ts";
import type { KeyEnd } from "../store.ts";
import { names } from "./names.ts";
import { END_KEY, END_STREAM, SAY_STATUS } from "./scripts.ts";
import { endedText, failureText, headText, statusBytes } from "./texts.ts";

/** A stream of this process as it is written to the server. */
export interface Mirrored {
  readonly head: StreamHead;
  readonly log: EventLog;
  readonly status: (ended: Ended | undefined) => StreamStatus;
}

/** Writes the streams of this process to the server, behind the calls: they never wait for it. */
export interface Mirror {
  begin(stream: Mirrored): void;
  /** The stream has ended. */
  end(streamId: string, ended: Ended, key: KeyEnd | undefined): void;
  /** The log of a stream that has ended is dropped here, and so at the server. */
  forget(streamId: string): void;
  /** Says that the process lives, and how its streams stand. */
  beat(): Promise<void>;
  /** Resolves once everything is written that was there before. Gives up while the server cannot be reached. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** What a mirror needs. */
export interface MirrorDeps {
  readonly valkey: Valkey;
  /** Id of the process. */
  readonly owner: string;
  readonly keepLogMs: number;
  readonly keepEndedMs: number;
  /** How many streams that have ended wait to be written, at most. The oldest is given up: peers take it for one that runs while this process does. */
  readonly maxEnded: number;
  readonly log: Log;
}

/** How far a stream is written. */
interface Progress extends Mirrored {
  begun: boolean;
  /** Number of the last event that is written, and of the oldest that is left of them. */
  sent: number;
  trimmed: number;
  /** True once the server knows when its log may go, should nobody say more of it. */
  expires: boolean;
  /** True if the server has forgotten the stream. */
  lost: boolean;
  ended?: Ended;
  key?: KeyEnd | undefined;
  /** True if its log was dropped here before all of it was written. */
  forgotten: boolean;
}

/** How long a process that does not say that it lives counts as alive, in milliseconds. */
const OWNER_LIVES_MS = 6000;

/** How long to wait before what could not be written is written again, and how often, when there is no time left. */
const RETRY_MS = 500;
const LAST_TRIES = 4;

/** Creates the mirror of a process. */
export function createMirror({ valkey, owner, keepLogMs, keepEndedMs, maxEnded, log }: MirrorDeps): Mirror {
  const streams = new Map<string, Progress>();
  const dirty = new Set<Progress>();
  /** Those that have ended, oldest first. */
  const ending = new Set<Progress>();
  let isGivingUp = false;
  const closing = new AbortController();
  let flushing: Promise<void> | undefined;

  const begin = async (stream: Progress): Promise<void> => {
    if (stream.begun) return;
    const { streamId } = stream.head;
    await valkey.send("HSET", names.head(streamId), "head", headText(stream.head), "owner", owner);
    await valkey.send("PEXPIRE", names.head(streamId), String(keepEndedMs));
    stream.begun = true;
  };
  const writeEvents = async (stream: Progress): Promise<void> => {
    const key = names.log(stream.head.streamId);
    while (stream.sent < stream.log.lastSequence) {
      const from = Math.max(stream.sent, stream.log.firstSequence - 1);
      const frames = stream.log.frames(from);
      // What is too old to be in our own log never gets there: its readers find a gap.
      if (frames === undefined) {
        stream.sent = stream.log.lastSequence;
        break;
      }
      const { bytes, first, last } = frames;
      await ignoreRepeated(valkey.send("XADD", key, `${last}-0`, "n", String(first), "f", Buffer.from(bytes)));
      stream.sent = last;
    }
    if (!stream.expires && stream.sent > 0) {
      await valkey.send("PEXPIRE", key, String(keepEndedMs));
      stream.expires = true;
    }
    const { firstSequence } = stream.log;
    if (stream.ended === undefined && firstSequence > stream.trimmed + 1) {
      await valkey.send("XTRIM", key, "MINID", `${firstSequence}-0`);
      stream.trimmed = firstSequence - 1;
    }
  };
  const writeEnd = async (stream: Progress): Promise<void> => {
    const { head, log: events, status, ended, key, forgotten } = stream;
    if (ended === undefined) return;
    const keys = [names.head(head.streamId), names.log(head.streamId)];
    const values = [String(events.lastSequence), endedText(ended), statusBytes(head, status(ended))];
    await valkey.run(END_STREAM, keys, [...values, String(keepLogMs), String(keepEndedMs)]);
    if (key !== undefined) {
      await valkey.run(END_KEY, [names.key(key)], [head.streamId, key.free ? "" : failureText(key.failure)]);
    }
    drop(stream);
    isGivingUp = false;
    if (forgotten) await valkey.send("DEL", names.log(head.streamId));
  };
  const drop = (stream: Progress): void => {
    streams.delete(stream.head.streamId);
    ending.delete(stream);
    dirty.delete(stream);
  };
  const giveUpOldest = (): void => {
    const [oldest] = ending;
    if (ending.size <= maxEnded || oldest === undefined) return;
    drop(oldest);
    if (!isGivingUp) log.warn("peers are not told of the ends of streams any more: too many wait", { maxEnded });
    isGivingUp = true;
  };
  const beginAnew = async (stream: Progress): Promise<void> => {
    if (!stream.lost) return;
    // What was written since then would keep out what came before it.
    await valkey.send("DEL", names.log(stream.head.streamId));
    Object.assign(stream, { begun: false, sent: 0, expires: false, lost: false });
  };
  const write = async (stream: Progress): Promise<void> => {
    await beginAnew(stream);
    await begin(stream);
    await writeEvents(stream);
    // What came while that was written goes before the end: no peer reads on behind it.
    if (stream.ended !== undefined) await writeEvents(stream);
    await writeEnd(stream);
  };
  const flush = async (): Promise<void> => {
    while (dirty.size > 0 && !closing.signal.aborted) {
      const batch = [...dirty];
      dirty.clear();
      const results = await Promise.allSettled(batch.map(write));
      const failed = batch.filter((_stream, index) => results[index]?.status === "rejected");
      for (const stream of failed) if (streams.has(stream.head.streamId)) dirty.add(stream);
      if (failed.length > 0) await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const mark = (stream: Progress): void => {
    dirty.add(stream);
    flushing ??= flush().finally(() => {
      flushing = undefined;
      if (dirty.size > 0 && !closing.signal.aborted) for (const each of dirty) mark(each);
    });
  };

  /** A server that has lost what it knew is told all of it again. */
  const sayStatus = async (stream: Progress): Promise<void> => {
    const { head, status } = stream;
    const isKnown = await valkey.run(SAY_STATUS, [names.head(head.streamId)], [statusBytes(head, status(undefined))]);
    if (isKnown !== 0 || stream.ended !== undefined) return;
    stream.lost = true;
    mark(stream);
  };

  return {
    begin: (mirrored) => {
      const stream: Progress = {
        ...mirrored,
        begun: false,
        sent: 0,
        expires: false,
        trimmed: 0,
        lost: false,
        forgotten: false,
      };
      streams.set(mirrored.head.streamId, stream);
      mirrored.log.listen({ onEvents: () => mark(stream), onEnd: () => undefined });
      mark(stream);
    },
    end: (streamId, ended, key) => {
      const stream = streams.get(streamId);
      if (stream === undefined) return;
      stream.ended = ended;
      stream.key = key;
      ending.add(stream);
      giveUpOldest();
      mark(stream);
    },
    forget: (streamId) => {
      const stream = streams.get(streamId);
      if (stream !== undefined) stream.forgotten = true;
      else valkey.send("DEL", names.log(streamId)).catch(() => undefined);
    },
    beat: async () => {
      await valkey.send("SET", names.owner(owner), "1", "PX", String(OWNER_LIVES_MS));
      const running = [...streams.values()].filter(({ begun, ended }) => begun && ended === undefined);
      await Promise.all(running.map(sayStatus));
    },
    flushed: async () => {
      for (let tries = 0; dirty.size > 0 || flushing !== undefined; tries += 1) {
        await Promise.race([flushing, sleep(RETRY_MS)]);
        if (tries < LAST_TRIES) continue;
        log.warn("what peers should know of streams could not be written in time", { streams: dirty.size });
        return;
      }
    },
    close: async () => {
      closing.abort();
      await flushing;
    },
  };
}

/** An entry that is there already was written before a connection broke. */
async function ignoreRepeated(adding: Promise<unknown>): Promise<void> {
  try {
    await adding;
  } catch (thrown) {
    if (!String(thrown).includes("equal or smaller")) throw thrown;
  }
}
