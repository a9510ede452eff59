import { ExecutionError } from "../../../errors.ts";
import type { CommitResult } from "./messages.ts";
import { attemptIdOf, type Operation, withdrawal } from "./wire.ts";

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
 * the next one begins a millisecond after it at the earliest, so that more share that. A disk that does not answer for 5 s is one that cannot be written to until it does.
 */
export interface CommitQueue {
  /** Resolves when the operation is durable. Rejects with LEDGER_UNAVAILABLE; one that settles is then written later, all others never, or are taken back. */
  add(operation: Operation): Promise<void>;
  /** Writes what an attempt has used so far, which nobody waits for, unless the writer cannot. What waits to be written gives way to what is newer. */
  note(operation: Operation): void;
  isWritable(): boolean;
  /** Takes the result of what was sent last. */
  result(result: CommitResult): void;
  /**
   * Resolves when nothing waits to be written, or cannot be; with false if the disk does not answer, within 5 s of what was sent last. What waits then is lost if the
   * process ends before the disk answers: the next start settles it as it was noted last. Nothing may be added after.
   */
  close(): Promise<boolean>;
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

/** How long the end of an attempt waits to be written, and the disk has to answer. */
const SETTLE_WAIT_MS = 5_000;

/** From one look at what is out to the next. There is one timer for all commits, since they are many and this is rare. */
const WATCH_MS = 250;

const HANGS = `the disk has not answered for ${SETTLE_WAIT_MS / 1000} s`;

/** When whoever was refused may come again. */
const RETRY_AFTER_MS = 1_000;

/** Creates a queue for a writer that is idle. */
export function createCommitQueue({ send, nowMs, onChange }: CommitQueueDeps): CommitQueue {
  let pending: Entry[] = [];
  let sent: Entry[] | undefined;
  /** By attempt, the newest of each. */
  const notes = new Map<string, Operation>();
  /** What was sent and looked too old already. */
  let suspect: Entry[] | undefined;
  let isStalled = false;
  /** What was refused because the disk hangs, and may be written by what is out all the same. */
  let refused: readonly Operation[] = [];
  let isScheduled = false;
  let isWritable = true;
  let isGone = false;
  let sentAtMs = 0;
  let lastSize = 0;
  let pace: ReturnType<typeof setTimeout> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;
  let onClosed: ((isAnswered: boolean) => void) | undefined;

  const flush = (): void => {
    isScheduled = false;
    clearTimeout(pace);
    pace = undefined;
    if (sent !== undefined) return;
    if (!hasWork() && isWritable) return closed();
    sent = pending;
    pending = [];
    sentAtMs = nowMs();
    const operations = sent.map(({ operation }) => operation);
    for (const note of notes.values()) operations.push(note);
    notes.clear();
    lastSize = operations.length;
    watch ??= setInterval(look, WATCH_MS).unref();
    send(operations);
  };
  const hasWork = (): boolean => pending.length > 0 || notes.size > 0;
  const closed = (): void => {
    if (onClosed === undefined) return;
    endWatch();
    onClosed(true);
  };
  const endWatch = (): void => {
    clearInterval(watch);
    watch = undefined;
  };
  const look = (): void => {
    if (sent === undefined) return endWatch();
    if (nowMs() - sentAtMs < SETTLE_WAIT_MS) return;
    // A process that was stopped, or did not get to its events, has the answer before the next look.
    if (suspect === sent) hang(sent);
    suspect = sent;
  };
  const hang = (out: readonly Entry[]): void => {
    if (!isStalled) {
      isStalled = true;
      const opens = pending.filter(isOpen);
      refused = out.filter(isOpen).map(({ operation }) => operation);
      pending = pending.filter((entry) => !isOpen(entry));
      for (const { reject } of opens) reject(unavailable(HANGS));
      become(false, HANGS);
    }
    // All that is out has waited as long as the disk.
    refuseOld([...out, ...pending], HANGS);
    if (onClosed !== undefined) leave();
  };
  /** Nobody waits for a disk that hangs any more. */
  const leave = (): void => {
    for (const { reject } of [...(sent ?? []), ...pending]) reject(unavailable(HANGS));
    onClosed?.(false);
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
  const refuseOld = (entries: readonly Entry[], why: string): void => {
    const tooOldMs = nowMs() - SETTLE_WAIT_MS;
    for (const { reject } of entries.filter(({ addedAtMs }) => addedAtMs <= tooOldMs)) reject(unavailable(why));
  };
  /** Takes back what was not written, and refuses whoever has waited long enough. */
  const keep = (entries: readonly Entry[], why: string): void => {
    const kept = entries.filter((entry) => !isOpen(entry));
    refuseOld(kept, why);
    pending = [...kept, ...pending];
  };
  /** Goes on after a result: with what waits, or by asking again later whether anything can be written. */
  const goOn = (mayWrite: boolean): void => {
    if (!mayWrite) return onClosed === undefined ? retryLater() : closed();
    if (hasWork() && isEarly() && onClosed === undefined) schedule();
    else flush();
  };
  const entryOf = (operation: Operation, resolve = nothing, reject: Entry["reject"] = nothing): Entry => ({
    operation,
    addedAtMs: nowMs(),
    resolve,
    reject,
  });
  return {
    add: (operation) => {
      if (isGone || (!isWritable && operation.kind === "open"))
        return Promise.reject(unavailable("it cannot be written to"));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      pending.push(entryOf(operation, resolve, reject));
      // It has all that was noted before.
      if (operation.kind === "settle") notes.delete(attemptIdOf(operation));
      schedule();
      return promise;
    },
    note: (operation) => {
      if (isGone || !(isWritable || isStalled)) return;
      notes.set(attemptIdOf(operation), operation);
      schedule();
    },
    isWritable: () => isWritable && !isGone,
    result: ({ outcome, why, isWritable: writable }) => {
      const entries = sent ?? [];
      sent = undefined;
      isStalled = false;
      // Nothing was sent to a provider for them: left open they would be settled as sent by the next start.
      if (outcome === "done") pending = [...refused.map((open) => entryOf(withdrawal(open))), ...pending];
      refused = [];
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
      const { promise, resolve } = Promise.withResolvers<boolean>();
      onClosed = resolve;
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
      notes.clear();
      endWatch();
      become(false, why);
      closed();
    },
  };
}

function isOpen({ operation }: Entry): boolean {
  return operation.kind === "open";
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
