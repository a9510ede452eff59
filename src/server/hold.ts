import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { inTurn } from "./turns.ts";

/**
 * Holds the requests of a session back until the next turn of the event loop, where those that were reset meanwhile cost nothing any more (rapid
 * reset), and begins no more than a few in each, of all sessions in turn. Whoever serves the session's streams listens to it already; who listens
 * later is not held.
 */
export function holdStreams(session: Http2Session): void {
  const serve = session.listeners("stream");
  session.removeAllListeners("stream");
  session.on("stream", (stream: ServerHttp2Stream, ...rest: unknown[]) => {
    inTurn(session, () => {
      if (stream.destroyed || stream.closed || stream.aborted) return false;
      // The end of a request without a body is said in the turn it came, when nobody was there to hear it.
      if (stream.readableEnded) process.nextTick(() => stream.emit("end"));
      for (const listener of serve) Reflect.apply(listener, session, [stream, ...rest]);
      return true;
    });
  });
}
