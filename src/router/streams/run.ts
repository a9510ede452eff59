import type { ChatEvent } from "../../contract/events.ts";
import { ExecutionError, toExecutionError } from "../../errors.ts";
import type { ChatFailure } from "../../gen/execution/v1/errors_pb.js";
import type { CallContext, CallRecord } from "../call.ts";
import type { Ended, StreamFigures, StreamHead } from "./ended.ts";
import { chatFailure, figuresOf, terminalError } from "./failure.ts";
import type { EventLog } from "./log.ts";
import { createReader, type Reader, type ReaderHost } from "./reader.ts";
import { callerLeft, expiredError, reattachError } from "./refusals.ts";
import type { Unattended } from "./unattended.ts";

/** A call that runs in this process: its provider is read into its log at the pace of its fastest reader. */
export interface Run {
  readonly head: StreamHead;
  readonly log: EventLog;
  /** What it has done so far. */
  readonly figures: () => StreamFigures;
  /** Attaches a reader of the events after a number. Its RPC's deadline ends the call if `owns` it. */
  attach(after: number, context: CallContext, owns?: boolean): Reader;
  /** Ends the call with an error. Later errors change nothing. */
  abort(error: ExecutionError): void;
  /** Tells every reader to attach again elsewhere, and goes on without them until the call ends or is aborted. */
  handOver(): void;
  /** The last of its readers in peers has left: what is to happen when the last reader leaves happens. */
  leftElsewhere(): void;
  /** Resolves once the call has ended and its provider's request is closed. */
  readonly closed: Promise<void>;
}

/** What a run is made of. */
export interface RunOptions {
  readonly head: StreamHead;
  readonly log: EventLog;
  /** The first event, unnumbered. */
  readonly started: ChatEvent;
  /** The stages below: events, unnumbered. */
  readonly source: AsyncIterator<readonly ChatEvent[]>;
  /** Aborts what the stages below do. */
  readonly controller: AbortController;
  readonly record: CallRecord;
  readonly unattended: Unattended;
  readonly newId: () => string;
  readonly nowMs: () => number;
  /** True if a peer has a reader of it. */
  readonly isReadElsewhere: () => Promise<boolean>;
  /** Told how the call ended, before its readers are. */
  readonly onEnd: (ended: Ended) => void;
  /** Told once the provider's request is closed as well. */
  readonly onClosed: () => void;
}

/** How long the stages may take to end after they were told to. Then the call ends without their last word. */
const LAST_WORD_MS = 2000;

/** Longest time a timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Starts a call. The stages are first asked when a reader is. */
export function createRun(options: RunOptions): Run {
  const { head, log, source, controller, record, unattended } = options;
  const readers = new Map<Reader, CallContext>();
  const closed = Promise.withResolvers<void>();
  /** The reader whose RPC's deadline is the call's. */
  let owner: Reader | undefined;
  let pulling = false;
  let aborted: ExecutionError | undefined;
  /** True while the call goes on although nobody reads here. */
  let alone = false;
  let handedOver = false;
  let stopWaiting: (() => void) | undefined;
  let deadline: NodeJS.Timeout | undefined;
  let lastWord: NodeJS.Timeout | undefined;

  const isOver = (): boolean => log.ended !== undefined || aborted !== undefined;
  const failureAt = (sequence: number): ChatFailure => chatFailure(head, figuresOf(record), sequence);

  const settle = (): void => {
    closed.resolve();
    options.onClosed();
  };
  const end = (error?: ExecutionError): void => {
    if (log.ended !== undefined) return;
    clearTimeout(deadline);
    clearTimeout(lastWord);
    stopWaiting?.();
    const ended: Ended = { endedAtMs: options.nowMs(), ...(error === undefined ? {} : { error }) };
    options.onEnd(ended);
    log.end(ended);
    if (source.return === undefined) settle();
    else source.return().then(settle, settle);
  };
  const endBy = (error: ExecutionError): void => {
    end(terminalError(error, head, record.contentSent, failureAt(log.lastSequence)));
  };
  const fail = (thrown: unknown): void => {
    const error = toExecutionError(thrown, options.newId);
    // Whoever was told to stop may say so in words of its own, or not at all.
    endBy(aborted === undefined || error.reason === aborted.reason ? error : aborted);
  };

  const append = (events: readonly ChatEvent[]): void => {
    let sequence = log.lastSequence;
    for (const event of events) {
      sequence += 1;
      event.sequence = sequence;
    }
    log.append(events);
  };
  const onEvents = (events: readonly ChatEvent[]): void => {
    try {
      // The call has begun once the stages have something to say: what they refuse before that is an error alone.
      append(log.lastSequence === 0 ? [options.started, ...events] : events);
    } catch (thrown) {
      return fail(thrown);
    }
    if (events.at(-1)?.event.case === "finished") end();
    // A turn of the event loop between two reads: nobody's pace is there to slow a provider whose answer is here already.
    else if (alone) setImmediate(pull);
  };
  const onResult = ({ done, value }: IteratorResult<readonly ChatEvent[]>): void => {
    pulling = false;
    if (aborted !== undefined) return stop(aborted);
    if (done === true) {
      return fail(new ExecutionError("UPSTREAM_TRUNCATED", "the provider's answer ended without its end marker"));
    }
    if (value.length === 0) return pull();
    return onEvents(value);
  };
  const onThrown = (thrown: unknown): void => {
    pulling = false;
    fail(thrown);
  };
  const pull = (): void => {
    if (pulling || isOver()) return;
    pulling = true;
    source.next().then(onResult, onThrown);
  };
  /** Ends the stages where they stand. What they still say is not logged: nobody waits for it. */
  const stop = (error: ExecutionError): void => {
    // Their signal has fired: asked once more, they say so, and what they have done is written down under that reason.
    const asked = error.reason === "CANCELLED" ? Promise.resolve() : source.next();
    asked.then(() => source.return?.()).then(() => endBy(error), fail);
  };
  const abort = (error: ExecutionError): void => {
    if (isOver()) return;
    aborted = error;
    controller.abort(error);
    lastWord = setTimeout(() => {
      endBy(error);
      // What does not stop when it is told to is not waited for either.
      settle();
    }, LAST_WORD_MS);
    if (!pulling) stop(error);
  };

  /** The last reader has left, and was not told to. */
  const abandon = (error: ExecutionError): void => {
    if (!head.continues) return abort(error);
    stopWaiting = unattended.wait(head.tenant, timeUp);
    if (stopWaiting === undefined) {
      return abort(new ExecutionError("CANCELLED", "the caller left, and too many calls go on without theirs already"));
    }
    alone = true;
    return pull();
  };
  const timeUp = (error: ExecutionError): void => {
    stopWaiting = undefined;
    options.isReadElsewhere().then(
      (isRead) => {
        if (readers.size === 0 && !isOver()) (isRead ? abandon : abort)(error);
      },
      () => abort(error),
    );
  };
  const remove = (reader: Reader): void => {
    const context = readers.get(reader);
    readers.delete(reader);
    if (owner !== reader || context === undefined || isOver()) return;
    // The deadline was that of the RPC; from now on it is watched here.
    owner = undefined;
    deadline = setTimeout(
      () => abort(new ExecutionError("DEADLINE", "the call did not end within its time")),
      Math.min(MAX_TIMER_MS, context.remainingMs()),
    );
  };
  /** Whoever meets the end of a stream leaves it too, which is every call: the error is made only if the call ends by it. */
  const leave = (reader: Reader, error?: ExecutionError): void => {
    if (!readers.has(reader)) return;
    remove(reader);
    if (!isOver() && readers.size === 0 && !alone) abandon(error ?? callerLeft());
  };

  const host: ReaderHost = {
    demand: pull,
    // Who fell off the log has left like anybody else: without a reader nobody would ask the provider on.
    onEnd: (reader) => leave(reader),
    onLeave: async (reader) => {
      leave(reader);
      if (aborted !== undefined) await closed.promise;
    },
    expired: (cursor) => expiredError(failureAt(cursor)),
    onAbort: (reader, reason) => {
      const error = reason instanceof ExecutionError ? reason : callerLeft();
      if (error.reason === "INTERRUPTED" || (error.reason === "DEADLINE" && owner === reader)) {
        abort(error);
        return undefined;
      }
      leave(reader, error.reason === "CANCELLED" ? error : undefined);
      if (error.extras.failure !== undefined) return error;
      // Where the call ends with its caller, it is told how that ended.
      return error.reason === "CANCELLED" && isOver() ? undefined : error.with({ failure: failureAt(reader.cursor()) });
    },
  };
  return {
    head,
    log,
    closed: closed.promise,
    figures: () => figuresOf(record),
    attach: (after, context, owns = false) => {
      stopWaiting?.();
      stopWaiting = undefined;
      alone = handedOver;
      const reader = createReader({ log, after, signal: context.signal, host });
      readers.set(reader, context);
      if (owns) owner = reader;
      if (context.signal.aborted) reader.leave();
      return reader;
    },
    abort,
    leftElsewhere: () => {
      if (readers.size > 0 || isOver() || stopWaiting !== undefined) return;
      handedOver = false;
      alone = false;
      abandon(callerLeft());
    },
    handOver: () => {
      handedOver = true;
      alone = true;
      for (const [reader, context] of readers) {
        context.end(reattachError(failureAt(reader.cursor()), record.contentSent));
      }
      pull();
    },
  };
}
