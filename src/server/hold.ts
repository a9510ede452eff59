import type { Http2Session, ServerHttp2Stream } from "node:http2";

/** Requests of one session that are begun in a turn of the event loop. */
const BEGUN_PER_TURN = 8;

/**
 * Holds the requests of a session back until the next turn of the event loop, where those that were reset meanwhile cost nothing any more (rapid
 * reset), and begins no more than a few in each, so that a thousand at once do not keep all other callers waiting. Whoever serves the session's
 * streams listens to it already; who listens later is not held.
 */
export function holdStreams(session: Http2Session): void {
  const serve = session.listeners("stream");
  session.removeAllListeners("stream");
  const waiting: { readonly stream: ServerHttp2Stream; readonly begin: () => void }[] = [];
  const turn = (): void => {
    try {
      for (let begun = 0; begun < BEGUN_PER_TURN; ) {
        const next = waiting.shift();
        if (next === undefined) return;
        if (next.stream.destroyed || next.stream.closed || next.stream.aborted) continue;
        begun += 1;
        next.begin();
      }
    } finally {
      if (waiting.length > 0) setImmediate(turn);
    }
  };
  session.on("stream", (stream: ServerHttp2Stream, ...rest: unknown[]) => {
    const begin = (): void => {
      // The end of a request without a body is said in the turn it came, when nobody was there to hear it.
      if (stream.readableEnded) process.nextTick(() => stream.emit("end"));
      for (const listener of serve) Reflect.apply(listener, session, [stream, ...rest]);
    };
    if (waiting.push({ stream, begin }) === 1) setImmediate(turn);
  });
}
