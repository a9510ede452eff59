import type { Scan } from "./scan.ts";

/** Length above which a body is large: it is scanned as it comes, read a piece a turn, and decoded in turns of its own. */
export const LARGE_BYTES = 64 * 1024;

/** A body that comes in pieces. */
export interface BodyBytes {
  /** Adds a piece. Throws what the scan throws. */
  add(piece: Uint8Array): void;
  /** How many bytes it has. A function: a getter would cost each body a hidden class of its own. */
  readonly size: () => number;
  /** The whole. */
  take(): Uint8Array;
}

/**
 * Gathers a body in one buffer that doubles as it is filled: joining the pieces at the end would take a large body's time in one turn, and keeping
 * them would take a hundred bytes for each, though each has but one. A large body is scanned, if there is a scan.
 */
export function createBodyBytes(scan: Scan | undefined): BodyBytes {
  let bytes: Buffer = Buffer.alloc(0);
  let size = 0;
  let scanned = 0;
  return {
    add: (piece) => {
      if (size === 0) bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      else {
        if (bytes.length < size + piece.length) {
          const larger = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, size + piece.length));
          bytes.copy(larger, 0, 0, size);
          bytes = larger;
        }
        bytes.set(piece, size);
      }
      size += piece.length;
      if (size <= LARGE_BYTES) return;
      scan?.(bytes.subarray(scanned, size));
      scanned = size;
    },
    size: () => size,
    take: () => bytes.subarray(0, size),
  };
}
