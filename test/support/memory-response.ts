import type { HttpResponse } from "../../src/adapters/http.ts";

/** A response that lives in memory, and what became of it. */
export interface MemoryResponse extends HttpResponse {
  /** How often its body was closed. */
  closes(): number;
  /** Reads that are left. */
  readsLeft(): number;
}

/** What a response in memory holds. */
export interface MemoryResponseOptions {
  /** Default 200. */
  readonly status?: number;
  /** Default an event stream. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What each read gives. */
  readonly reads: readonly (Uint8Array | string)[];
  /** What the read after the last one throws; without it the body ends cleanly. */
  readonly failure?: Error;
}

/** Creates a response whose body is read at once, without a network. */
export function memoryResponse({ status, headers, reads, failure }: MemoryResponseOptions): MemoryResponse {
  const left = reads.map((read) => (typeof read === "string" ? new TextEncoder().encode(read) : read));
  let closes = 0;
  return {
    status: status ?? 200,
    headers: headers ?? { "content-type": "text/event-stream" },
    body: {
      read: async () => {
        const next = left.shift();
        if (next === undefined && failure !== undefined) throw failure;
        return next;
      },
      close: () => {
        closes += 1;
      },
    },
    closes: () => closes,
    readsLeft: () => left.length,
  };
}
