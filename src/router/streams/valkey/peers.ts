import { setTimeout as sleep } from "node:timers/promises";
import type { Valkey } from "../../../valkey.ts";
import type { Ended, StreamHead, StreamStatus } from "../ended.ts";
import { chatFailure, terminalError } from "../failure.ts";
import { interruptedError } from "../refusals.ts";
import type { StoredStream } from "../store.ts";
import { readEntries } from "./entries.ts";
import { createFollower, type Follower, type LastWord } from "./follower.ts";
import { names } from "./names.ts";
import { END_STREAM, SAY_READ } from "./scripts.ts";
import { endedText, readEnded, readHead, readStatus, statusBytes } from "./texts.ts";

/** The streams that peers run, or ran. */
export interface Peers {
  find(streamId: string): Promise<StoredStream | undefined>;
  /** Says which streams are read here. */
  beat(): Promise<void>;
  close(): Promise<void>;
}

/** What knowing of peers needs. */
export interface PeersDeps {
  readonly valkey: Valkey;
  /** Id of this process. */
  readonly self: string;
  readonly maxLogBytes: number;
  readonly keepLogMs: number;
  readonly keepEndedMs: number;
  readonly nowMs: () => number;
}

/** What is at the server of a stream. */
interface Kept {
  readonly head: StreamHead;
  readonly owner: string;
  readonly ended?: Ended;
  readonly status: StreamStatus;
}

/** How long a stream counts as read after this was said, in milliseconds. */
const READ_MS = 5000;

/** How long a peer may take to end a stream that it is told to, and how often that is looked at. */
const CANCEL_MS = 4000;
const LOOK_MS = 25;

/** Creates the view of peers' streams. */
export function createPeers({ valkey, self, maxLogBytes, keepLogMs, keepEndedMs, nowMs }: PeersDeps): Peers {
  const look = async (streamId: string): Promise<Kept | undefined> => {
    const reply = await valkey.send("HMGET", names.head(streamId), "head", "owner", "ended", "status", "last");
    const [head, owner, ended, status, last] = reply as readonly (Buffer | null)[];
    if (head == null) return undefined;
    const how = ended == null ? undefined : readEnded(String(ended));
    const known = readStatus(status ?? undefined, how);
    return {
      head: readHead(String(head)),
      owner: String(owner),
      ...(how === undefined ? {} : { ended: how }),
      status: last == null ? known : { ...known, lastSequence: Number(String(last)) },
    };
  };
  /** Number of the last event at the server, 0 if there is none. */
  const lastOf = async (streamId: string): Promise<number> => {
    const [entry] = readEntries(await valkey.send("XREVRANGE", names.log(streamId), "+", "-", "COUNT", "1"));
    return entry?.last ?? 0;
  };
  /** How a stream stands that its process left when it went; undefined while that lives, or if the stream has ended. */
  const orphaned = async (streamId: string, { head, owner, ended, status: known }: Kept) => {
    if (ended !== undefined || Number(await valkey.send("EXISTS", names.owner(owner))) > 0) return undefined;
    const lastSequence = Math.max(known.lastSequence, await lastOf(streamId));
    const status: StreamStatus = { ...known, lastSequence };
    const failure = chatFailure(head, status, lastSequence);
    const error = terminalError(interruptedError(), head, lastSequence > 0, failure);
    return { ...status, ended: { endedAtMs: nowMs(), error } };
  };
  /** Says how a stream ended. Ends one whose process is gone; whoever finds that out first says so for all. */
  const endIfOrphaned = async (streamId: string): Promise<LastWord | undefined> => {
    const kept = await look(streamId);
    if (kept === undefined) return undefined;
    if (kept.ended !== undefined) return { ended: kept.ended, last: kept.status.lastSequence };
    const status = await orphaned(streamId, kept);
    if (status === undefined) return undefined;
    const values = [String(status.lastSequence), endedText(status.ended), statusBytes(kept.head, status)];
    await valkey.run(
      END_STREAM,
      [names.head(streamId), names.log(streamId)],
      [...values, String(keepLogMs), String(keepEndedMs)],
    );
    return undefined;
  };
  /** Who only asks changes nothing: a process that the server has not heard of since it was away goes on. */
  const statusOf = async (streamId: string): Promise<StreamStatus> => {
    const kept = await look(streamId);
    if (kept === undefined) return { attempts: [], lastSequence: 0 };
    if ((await orphaned(streamId, kept)) === undefined) return kept.status;
    // Its process may have said how it ended just before it went.
    const last = (await look(streamId)) ?? kept;
    return (await orphaned(streamId, last)) ?? last.status;
  };
  const tell = async (streamId: string, what: "cancel" | "left"): Promise<void> => {
    const kept = await look(streamId);
    if (kept !== undefined && kept.ended === undefined) {
      await valkey.send("PUBLISH", names.control(kept.owner), `${what} ${streamId}`);
    }
  };
  const follower: Follower = createFollower({
    valkey,
    maxLogBytes,
    onSilence: endIfOrphaned,
    onReleased: (streamId) => {
      valkey
        .send("HDEL", names.reader(streamId), self)
        .then(() => tell(streamId, "left"))
        .catch(() => undefined);
    },
  });
  const sayRead = async (streamId: string): Promise<void> => {
    await valkey.run(SAY_READ, [names.reader(streamId)], [self, String(READ_MS)]);
  };

  const stored = (streamId: string, { head }: Kept): StoredStream => ({
    head,
    status: () => statusOf(streamId),
    open: async (after) => {
      // In this order: the log of a stream that has ended has its end, or is gone. One that is asked for before may not be written yet.
      const kept = await look(streamId);
      const range = await valkey.send("XRANGE", names.log(streamId), `${after + 1}-0`, "+", "COUNT", "64");
      const entries = readEntries(range);
      const replica = follower.follow(streamId, beginning(after, entries.length, kept), entries);
      if (entries.length === 0 && kept?.ended !== undefined) replica.log.end(kept.ended);
      else await sayRead(streamId);
      return replica;
    },
    cancel: async () => {
      await tell(streamId, "cancel");
      for (let waited = 0; waited < CANCEL_MS; waited += LOOK_MS) {
        const kept = await look(streamId);
        if (kept === undefined || kept.ended !== undefined) return;
        if (waited % 500 === 0) await endIfOrphaned(streamId);
        await sleep(LOOK_MS);
      }
    },
  });

  return {
    find: async (streamId) => {
      const kept = await look(streamId);
      return kept === undefined ? undefined : stored(streamId, kept);
    },
    beat: async () => {
      await Promise.all(follower.followed().map(sayRead));
    },
    close: () => follower.close(),
  };
}

/** Where a copy begins: after what its reader has, or, if nothing of what follows is kept, behind the stream's last event. */
function beginning(after: number, entries: number, kept: Kept | undefined): number {
  const last = kept?.status.lastSequence ?? after;
  return entries === 0 && kept?.ended !== undefined ? Math.max(after, last) : after;
}
