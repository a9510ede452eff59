/** The body of a response, read at the reader's pace. */
export interface HttpBody {
  /**
   * What has arrived since the last read, 16 KiB at most, waiting for more if that is nothing; undefined at the clean end. One read at a time.
   * Rejects with an ExecutionError: UPSTREAM_TRUNCATED, UPSTREAM_STALLED, or the reason of the signal that ended the exchange.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Ends the exchange at once unless the body has ended; a read then rejects. Closing twice is harmless. */
  close(): void;
}

/** The pipe a body hangs on. */
export interface Pipe {
  pause(): void;
  resume(): void;
  /** Ends the exchange. */
  abort(): void;
}

/** The writing side of a body, for whoever parses the response. */
export interface BodyWriter {
  readonly body: HttpBody;
  push(bytes: Uint8Array): void;
  end(): void;
  /** The body is over without its end. `atOnce`: what has arrived and was not read is dropped. */
  fail(error: Error, atOnce: boolean): void;
}

/**
 * Bytes that may wait for the reader before the pipe is paused, and most bytes of one read. A quarter of what a socket reads at once: of a
 * stream whose reader is slow no more is decoded, and no second socket read waits behind the first.
 */
const highWaterBytes = 16 * 1024;

/** Creates a body that pauses its pipe while its reader is behind. */
export function createBody(pipe: Pipe): BodyWriter {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let paused = false;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;

  const notify = (): void => {
    wake?.();
    wake = undefined;
  };

  const take = (first: Uint8Array): Uint8Array => {
    let bytes = first;
    if (waitingBytes <= highWaterBytes) {
      if (waiting.length > 1) bytes = Buffer.concat(waiting, waitingBytes);
      waiting = [];
    } else if (first.length > highWaterBytes) {
      bytes = first.subarray(0, highWaterBytes);
      waiting[0] = first.subarray(highWaterBytes);
    } else {
      waiting.shift();
    }
    waitingBytes -= bytes.length;
    if (paused && waitingBytes < highWaterBytes) {
      paused = false;
      pipe.resume();
    }
    return bytes;
  };

  const fail = (error: Error, atOnce: boolean): void => {
    if (failure !== undefined || ended) return;
    failure = error;
    if (atOnce) waiting = [];
    notify();
  };

  const body: HttpBody = {
    read: async () => {
      // Several pieces of one network read arrive before the reader runs again, so that it takes them together.
      if (waiting.length === 0 && !ended && failure === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const [first] = waiting;
      if (first !== undefined) return take(first);
      if (failure !== undefined) throw failure;
      return undefined;
    },
    close: () => {
      if (ended || failure !== undefined) return;
      fail(new Error("the body was closed by its reader"), true);
      pipe.abort();
    },
  };

  return {
    body,
    push: (bytes) => {
      if (failure !== undefined) return;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (waitingBytes >= highWaterBytes && !paused) {
        paused = true;
        pipe.pause();
      }
      notify();
    },
    end: () => {
      ended = true;
      notify();
    },
    fail,
  };
}
