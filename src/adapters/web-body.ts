import { ExecutionError } from "../errors.ts";
import { abortReason } from "./http.ts";
import type { HttpBody } from "./http-body.ts";
import { networkError } from "./network-errors.ts";

/** What bounds a body that an SDK's `fetch` gave. */
export interface WebBodyOptions {
  /** Longest wait for the next bytes; then UPSTREAM_STALLED. */
  readonly idleMs: number;
  /** Ends the exchange. */
  readonly signal: AbortSignal;
}

/** Reads the body of a `fetch` response as an HttpBody. No body at all is an empty one. */
export function fromWebStream(stream: ReadableStream<Uint8Array> | null, { idleMs, signal }: WebBodyOptions): HttpBody {
  const reader = stream?.getReader();
  let failure: Error | undefined;
  let over = reader === undefined;

  const stop = (error: Error): void => {
    signal.removeEventListener("abort", onAbort);
    if (over) return;
    over = true;
    failure = error;
    // Ends the connection; what it rejects with is what the read already says.
    reader?.cancel().catch(() => undefined);
  };
  function onAbort(): void {
    stop(abortReason(signal));
  }
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  return {
    read: async () => {
      if (failure !== undefined) throw failure;
      if (over || reader === undefined) return undefined;
      const timer = setTimeout(
        () => stop(new ExecutionError("UPSTREAM_STALLED", "the provider stopped sending in the middle of its answer")),
        idleMs,
      );
      try {
        const { done, value } = await reader.read();
        if (failure !== undefined) throw failure;
        if (!done) return value;
        over = true;
        signal.removeEventListener("abort", onAbort);
        return undefined;
      } catch (error) {
        throw failure ?? networkError(error, "body");
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => stop(new Error("the body was closed by its reader")),
  };
}
