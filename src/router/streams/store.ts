import type { ChatFailure } from "../../gen/execution/v1/errors_pb.js";
import type { Ended, StreamFigures, StreamHead, StreamStatus } from "./ended.ts";
import type { EventLog } from "./log.ts";

/** What a store asks of a stream that runs in its process. */
export interface RunningStream {
  readonly figures: () => StreamFigures;
  /** Ends the call, whatever it was to do when its reader leaves. Resolves once it has ended. */
  readonly cancel: () => Promise<void>;
  /** Its last reader in a peer has left. */
  readonly leftElsewhere: () => void;
}

/** A log that readers may read. */
export interface OpenLog {
  readonly log: EventLog;
  /** Asks for more than is in it. */
  readonly demand: () => void;
  /** Ends the reading. */
  readonly release: () => void;
}

/** A stream that is known, be it in this process or in a peer. */
export interface StoredStream {
  readonly head: StreamHead;
  status(): Promise<StreamStatus>;
  /** Opens its log for a reader that has the events up to `after`. The log may come to hold the rest only later. */
  open(after: number): Promise<OpenLog>;
  /** Ends it, if it runs. Resolves once it has ended, or after a time in which its process ought to have ended it. */
  cancel(): Promise<void>;
}

/** An idempotency key as a call uses it. */
export interface KeyUse {
  readonly tenant: string;
  readonly key: string;
  /** Hash of the request's canonical form. */
  readonly hash: string;
}

/** What becomes of a key when its call has ended. */
export interface KeyEnd extends KeyUse {
  /** What the call did, for when its log is gone. */
  readonly failure: ChatFailure;
  /** True if the key may be used again. */
  readonly free: boolean;
}

/** What a key turned out to be: this call's, that of an earlier call with the same request, or one of another request. */
export type Claim =
  | { readonly kind: "mine" }
  | { readonly kind: "same"; readonly streamId: string; readonly failure?: ChatFailure }
  | { readonly kind: "other" };

/** Logs of streams, what is known of them, and idempotency keys. Every store passes the same suite (test/router/streams/store-suite.ts). */
export interface StreamStore {
  /** True if other processes serve its streams as well, so that a process that stops can hand its readers over. */
  readonly shared: boolean;
  /** Begins the log of a stream that runs in this process. */
  begin(head: StreamHead, running: RunningStream): EventLog;
  /** Says that a stream of this process has ended, before its log is told. */
  end(head: StreamHead, ended: Ended, key?: KeyEnd): void;
  /** Looks a stream up; undefined if there is none or nothing is known of it any more. */
  find(streamId: string): Promise<StoredStream | undefined>;
  /** Takes a key for a stream that is about to begin, for 24 hours, unless it is taken. Throws OVERLOADED if no more can be kept. */
  claim(use: KeyUse, streamId: string): Promise<Claim>;
  /** True if a reader in a peer is attached to a stream of this process. */
  isRead(streamId: string): Promise<boolean>;
  /** Bytes that the logs of this process hold, as they are bounded. */
  readonly heldBytes: number;
  /** Resolves once everything that was said before can be read by peers. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}
