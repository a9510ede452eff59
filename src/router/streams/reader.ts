import type { ExecutionError } from "../../errors.ts";
import type { ChatResponse } from "../../gen/execution/v1/chat_pb.js";
import type { EventLog } from "./log.ts";

/** Reads a log from some number on, at its own pace, to the stream's end. */
export interface Reader extends AsyncIterableIterator<readonly ChatResponse[]> {
  /** Number of the last event it has handed on. A function: a getter would cost each reader a hidden class of its own. */
  readonly cursor: () => number;
  /** Sees that the signal of its RPC has fired; for one that had before the reader was there to see it. */
  leave(): void;
}

/** What a reader asks of whoever feeds the log. */
export interface ReaderHost {
  /** It has read all there is and waits for more. */
  readonly demand: () => void;
  /**
   * Its RPC is being ended for a reason. What is returned is thrown at once; with nothing the reader waits for the stream's own end, which the
   * host has brought about.
   */
  readonly onAbort: (reader: Reader, reason: unknown) => ExecutionError | undefined;
  /** It was closed before the stream's end. Resolves once what that ends is closed. */
  readonly onLeave: (reader: Reader) => Promise<void>;
  /** It met the stream's end, or failed. */
  readonly onEnd: (reader: Reader) => void;
  /** The event after `cursor` is not there any more. */
  readonly expired: (cursor: number) => ExecutionError;
}

/** What a reader is made of. */
export interface ReaderOptions {
  readonly log: EventLog;
  /** Number of the last event that is not wanted. */
  readonly after: number;
  /** Signal of its RPC, which has not fired yet. */
  readonly signal: AbortSignal;
  readonly host: ReaderHost;
}

type Result = IteratorResult<readonly ChatResponse[], undefined>;

const DONE: Result = { done: true, value: undefined };

/** Opens a reader, which counts as attached from now on. In the ordinary case an array of events passes through it as it is. */
export function createReader({ log, after, signal, host }: ReaderOptions): Reader {
  let cursor = after;
  let waiting: { readonly resolve: (result: Result) => void; readonly reject: (error: unknown) => void } | undefined;
  let closed = false;
  let failure: ExecutionError | undefined;

  const close = (): void => {
    closed = true;
    log.unlisten(listener);
    signal.removeEventListener("abort", onAbort);
  };
  const fail = (error: ExecutionError): void => {
    if (closed) return;
    failure = error;
    close();
    waiting?.reject(error);
    waiting = undefined;
    host.onEnd(reader);
  };
  const meetEnd = (): Result => {
    close();
    host.onEnd(reader);
    failure = log.ended?.error;
    if (failure !== undefined) throw failure;
    return DONE;
  };
  const onAbort = (): void => {
    const error = host.onAbort(reader, signal.reason);
    if (error !== undefined) fail(error);
  };
  const listener = {
    onEvents: (events: readonly ChatResponse[], first: number): void => {
      const last = first + events.length - 1;
      if (waiting === undefined || last <= cursor) return;
      if (first > cursor + 1) return fail(host.expired(cursor));
      const { resolve } = waiting;
      waiting = undefined;
      const value = first > cursor ? events : events.slice(cursor + 1 - first);
      cursor = last;
      resolve({ done: false, value });
    },
    onEnd: (): void => {
      if (waiting === undefined) return;
      const { resolve, reject } = waiting;
      waiting = undefined;
      next().then(resolve, reject);
    },
  };
  const next = (): Promise<Result> => {
    if (failure !== undefined) return Promise.reject(failure);
    if (closed) return Promise.resolve(DONE);
    const events = log.read(cursor);
    if (events === undefined) {
      const expired = host.expired(cursor);
      fail(expired);
      return Promise.reject(expired);
    }
    if (events.length > 0) {
      cursor += events.length;
      return Promise.resolve({ done: false, value: events });
    }
    if (log.ended !== undefined) return Promise.try(meetEnd);
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      host.demand();
    });
  };
  const reader: Reader = {
    cursor: () => cursor,
    leave: onAbort,
    next,
    return: async () => {
      if (!closed) {
        close();
        waiting?.resolve(DONE);
        waiting = undefined;
        await host.onLeave(reader);
      }
      return DONE;
    },
    [Symbol.asyncIterator]: () => reader,
  };
  log.listen(listener);
  signal.addEventListener("abort", onAbort, { once: true });
  return reader;
}
