import type { Socket } from "node:net";

/** Bytes that belong to no request and are forgiven in a second: pings, windows, settings. */
const FREE_BYTES_PER_SECOND = 64 * 1024;

/** How much more than that there may be at once. */
const MAX_DEBT_BYTES = 256 * 1024;

/** What a request may take beside its body: headers, and as much body as fits in a window that nobody reads. */
const REQUEST_BYTES = 72 * 1024;

/**
 * Measures what a connection sends that is neither request nor body. Frames that make nothing happen (PRIORITY, WINDOW_UPDATE, unknown ones, empty
 * DATA, header blocks that are refused) are handled below JavaScript and seen by nobody, but their bytes are counted: whatever is not explained
 * by requests, by bodies, or by windows opened for answers is overhead.
 */
export interface Overhead {
  /** A request began. */
  request(): void;
  /** So many bytes of a body were read. */
  body(bytes: number): void;
  /**
   * True once there was more overhead than a client that behaves ever sends. Call it again and again. `waiting` says how many bytes of bodies came and have
   * not been read yet; it is asked where it matters.
   */
  isTooMuch(nowMs: number, waiting: () => number): boolean;
}

/** Begins to measure a connection. */
export function createOverhead(socket: Pick<Socket, "bytesRead" | "bytesWritten">, nowMs: number): Overhead {
  let explained = 0;
  let seen = { atMs: nowMs, read: 0, written: 0 };
  let debt = 0;
  return {
    request: () => {
      explained += REQUEST_BYTES;
    },
    body: (bytes) => {
      // As much again for frame heads and padding.
      explained += 2 * bytes;
    },
    isTooMuch: (now, waiting) => {
      const { bytesRead: read, bytesWritten: written } = socket;
      const free = (FREE_BYTES_PER_SECOND * (now - seen.atMs)) / 1000;
      // A client may open its windows for every frame it is sent, which takes less than two bytes for each byte of an answer.
      debt = Math.max(0, debt + read - seen.read - explained - 2 * (written - seen.written) - free);
      seen = { atMs: now, read, written };
      explained = 0;
      // What waits is explained when it is read. A crowd of calls at once is read in turns, and may wait for longer than from one look to the next.
      return debt > MAX_DEBT_BYTES && debt - 2 * waiting() > MAX_DEBT_BYTES;
    },
  };
}
