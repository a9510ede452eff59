import { ExecutionError } from "../../../errors.ts";
import type { CommitResult } from "./messages.ts";
import type { Operation } from "./wire.ts";

/** What the queue needs from outside. */
export interface CommitQueueDeps {
  /** Sends a batch to the writer, whose result comes by `result`; an empty one asks whether it can write again. */
  readonly send: (operations: readonly Operation[]) => void;
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number;
  /** Told when attempts can be opened no longer, and why, and when they can again. */
  readonly onChange: (isWritable: boolean, why: string) => void;
}

/**
 * Gathers what is to be written: what comes in one turn of the event loop if the writer is idle, else all that comes while it writes. Where several share a commit
 * the next one begins a millisecond after it at the earliest, so that more share that.
 */
export interface CommitQueue {
  /** Resolves when the operation is durable. Rejects with LEDGER_UNAVAILABLE; one that settles is then written later, all others never. */
  add(operation: Operation): Promise<void>;
  /** Writes something nobody waits for, unless the writer cannot. */
  note(operation: Operation): void;
  isWritable(): boolean;
  /** Takes the result of what was sent last. */
  result(result: CommitResult): void;
  /** Resolves when nothing waits to be written, or cannot be. Nothing may be added after. */
  close(): Promise<void>;
  /** Gives everything up: the writer is gone. */
  fail(why: string): void;
}

interface Entry {
  readonly operation: Operation;
  readonly addedAtMs: number;
  readonly resolve: () => void;
  readonly reject: (error: ExecutionError) => void;
}

/**
 * From the beginning of a commit that several shared to that of the next, in milliseconds. Where a disk is fast a commit takes less, few come while it lasts, and
 * what it costs the processor (a write, an fsync, a message each way, two switches of threads) is most of what the ledger costs.
 */
const PACE_MS = 1;

/** From one try to write to the next. */
const RETRY_MS = 250;

/** How long the end of an attempt waits to be written. */
const SETTLE_WAIT_MS = 5_000;

/** When whoever was refused may come again. */
const RETRY_AFTER_MS = 1_000;

/** Creates a queue for a writer that is idle. */
export function createCommitQueue({ send, nowMs, onChange }: CommitQueueDeps): CommitQueue {
  let pending: Entry[] = [];
  let sent: Entry[] | undefined;
  let isScheduled = false;
  let isWritable = true;
  let isGone = false;
  let sentAtMs = 0;
  let lastSize = 0;
  let pace: ReturnType<typeof setTimeout> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let onIdle: (() => void) | undefined;

  const flush = (): void => {
    isScheduled = false;
    clearTimeout(pace);
    pace = undefined;
    if (sent !== undefined) return;
    if (pending.length === 0 && isWritable) return onIdle?.();
    sent = pending;
    pending = [];
    sentAtMs = nowMs();
    lastSize = sent.length;
    send(sent.map(({ operation }) => operation));
  };
  /** True if a commit is to come so soon after one that was shared that it waits for more to share it. */
  const isEarly = (): boolean => lastSize > 1 && nowMs() - sentAtMs < PACE_MS;
  const schedule = (): void => {
    // A writer that cannot write is asked again by the timer only.
    if (isScheduled || pace !== undefined || sent !== undefined || retry !== undefined) return;
    if (isEarly()) {
      pace = setTimeout(flush, PACE_MS);
      return;
    }
    isScheduled = true;
    // At the turn's end and not in the midst of it: where there is one processor the writer would take it from the turn at once.
    setImmediate(flush);
  };
  const retryLater = (): void => {
    retry ??= setTimeout(() => {
      retry = undefined;
      flush();
    }, RETRY_MS);
  };
  const become = (writable: boolean, why: string): void => {
    if (writable === isWritable) return;
    isWritable = writable;
    onChange(writable, why);
  };
  /** Takes back what was not written, and refuses whoever has waited long enough. */
  const keep = (entries: readonly Entry[], why: string): void => {
    const kept = entries.filter(({ operation }) => operation.kind === "settle");
    const tooOldMs = nowMs() - SETTLE_WAIT_MS;
    for (const { reject } of kept.filter(({ addedAtMs }) => addedAtMs <= tooOldMs)) reject(unavailable(why));
    pending = [...kept, ...pending];
  };
  /** Goes on after a result: with what waits, or by asking again later whether anything can be written. */
  const goOn = (mayWrite: boolean): void => {
    if (!mayWrite) return onIdle === undefined ? retryLater() : onIdle();
    if (pending.length > 0 && isEarly() && onIdle === undefined) schedule();
    else flush();
  };
  return {
    add: (operation) => {
      if (isGone || (!isWritable && operation.kind === "open"))
        return Promise.reject(unavailable("it cannot be written to"));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      pending.push({ operation, addedAtMs: nowMs(), resolve, reject });
      schedule();
      return promise;
    },
    note: (operation) => {
      if (isGone || !isWritable) return;
      pending.push({ operation, addedAtMs: nowMs(), resolve: nothing, reject: nothing });
      schedule();
    },
    isWritable: () => isWritable && !isGone,
    result: ({ outcome, why, isWritable: writable }) => {
      const entries = sent ?? [];
      sent = undefined;
      const isFailed = outcome === "failed";
      for (const { operation, resolve, reject } of entries) {
        if (outcome !== "done" && operation.kind === "open") reject(unavailable(why));
        else if (!isFailed) resolve();
      }
      if (isFailed) keep(entries, why);
      become(writable, why);
      goOn(!isFailed && (writable || pending.length > 0));
    },
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      clearTimeout(retry);
      retry = undefined;
      flush();
      return promise;
    },
    fail: (why) => {
      isGone = true;
      clearTimeout(pace);
      clearTimeout(retry);
      for (const { reject } of [...(sent ?? []), ...pending]) reject(unavailable(why));
      pending = [];
      become(false, why);
      onIdle?.();
    },
  };
}

function nothing(): void {
  // Nobody waits for it.
}

function unavailable(why: string): ExecutionError {
  return new ExecutionError(
    "LEDGER_UNAVAILABLE",
    "the ledger cannot be written to; nothing more is sent to providers until it can",
    {
      retryAfterMs: RETRY_AFTER_MS,
      cause: why,
    },
  );
}
