import type { IncomingMessage } from "node:http";
import { inTurn } from "../turns.ts";

/**
 * Holds a request after a piece of its body until its turn comes for the next, all of them in turn: HTTP/1.1 would else be read up to 2 MiB at once, of
 * each connection. `wanted` says then whether it is to go on.
 */
export function holdPiece(request: IncomingMessage, wanted: () => boolean): void {
  request.pause();
  inTurn(request, () => {
    if (request.destroyed || !wanted()) return false;
    request.resume();
    return true;
  });
}

/** Takes the rest of a request off the wire and throws it away. */
export function discard(request: IncomingMessage): void {
  request.on("data", () => holdPiece(request, () => true));
  request.resume();
}
