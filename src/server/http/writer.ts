import { ExecutionError } from "../../errors.ts";
import { startLate } from "../late.ts";
import type { Exchange } from "./exchange.ts";

/** Writes one piece of an answer. Returns nothing if more can be written at once, else a promise to await before. */
export type Write = (piece: string | Uint8Array) => Promise<void> | undefined;

/**
 * Writes an answer at the pace of its client. The promise of a piece rejects with CANCELLED once the client has left or has taken nothing for
 * `stallMs` (its connection is then cut). When the signal fires it resolves, so that whoever writes meets the end of the call where it reads.
 */
export function createWriter({ response, closed }: Exchange, signal: AbortSignal, stallMs: number): Write {
  return (piece) => {
    if (closed()) return Promise.reject(left());
    return response.write(piece) ? undefined : drained();
  };

  function drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (thrown?: unknown): void => {
        stalled.clear();
        response.off("drain", onDrain).off("close", onClose);
        signal.removeEventListener("abort", onDrain);
        if (thrown === undefined) resolve();
        else reject(thrown);
      };
      const onDrain = (): void => settle();
      const onClose = (): void => settle(left());
      const stalled = startLate(stallMs, () => response.destroy());
      response.on("drain", onDrain).on("close", onClose);
      if (signal.aborted) onDrain();
      else signal.addEventListener("abort", onDrain, { once: true });
    });
  }
}

function left(): ExecutionError {
  return new ExecutionError("CANCELLED", "the caller left before its answer was written");
}
