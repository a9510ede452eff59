import { constants, type ServerHttp2Stream } from "node:http2";
import { startLate } from "../late.ts";

/** Closes a stream whose caller does not: one that does not take its answer, or goes on sending a request that was answered. */
export function closeLater(stream: ServerHttp2Stream, afterMs: number): void {
  if (stream.destroyed) return;
  const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
  // What its caller has no window for would be waited for without end if the stream were closed in good order.
  const late = startLate(afterMs, () => stream.close(stream.writableFinished ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL));
  stream.once("close", () => late.clear());
}

const watched = new WeakSet<ServerHttp2Stream>();

/** Closes a stream of whose bytes that wait now nobody has taken one by then, nor of those that come to wait. */
export function closeIfStalled(stream: ServerHttp2Stream, afterMs: number): void {
  if (watched.has(stream)) return;
  watched.add(stream);
  let waitingBytes = stream.writableLength;
  const look = (): void => {
    if (stream.writableLength === 0) {
      watched.delete(stream);
      stream.off("close", gone);
    } else if (stream.writableLength >= waitingBytes && waitingBytes > 0) {
      stream.close(constants.NGHTTP2_CANCEL);
    } else {
      waitingBytes = stream.writableLength;
      late = startLate(afterMs, look);
    }
  };
  let late = startLate(afterMs, look);
  const gone = (): void => late.clear();
  stream.once("close", gone);
}
