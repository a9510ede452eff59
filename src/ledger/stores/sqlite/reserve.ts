import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Bytes that are kept for the ends of what runs when the disk fills up. */
const RESERVE_BYTES = 16 * 2 ** 20;

/** Space that is taken while there is some, and given up when there is none, so that what has begun can be written down to its end. */
export interface Reserve {
  /** False once it was given up: nothing new should begin. */
  isHeld(): boolean;
  /** Gives the space up. False if there was none to give, or it cannot be given. Never throws. */
  release(): boolean;
  /** Takes the space if there is twice as much of it. */
  take(): void;
}

/** Creates the reserve of a directory, and takes it. */
export function createReserve(directory: string): Reserve {
  const file = join(directory, "reserve");
  let isHeld = false;
  const reserve: Reserve = {
    isHeld: () => isHeld,
    release: () => {
      if (!isHeld) return false;
      isHeld = false;
      try {
        rmSync(file, { force: true });
        return true;
      } catch {
        // On a file system that an error has made read-only nothing can be taken away.
        return false;
      }
    },
    take: () => {
      if (isHeld) return;
      isHeld = statSync(file, { throwIfNoEntry: false })?.size === RESERVE_BYTES;
      if (isHeld) return;
      rmSync(file, { force: true });
      const { bavail, bsize } = statfsSync(directory);
      if (bavail * bsize < 2 * RESERVE_BYTES) return;
      try {
        fill(file);
        isHeld = true;
      } catch {
        rmSync(file, { force: true });
      }
    },
  };
  reserve.take();
  return reserve;
}

/** Random bytes, since a file of zeros may take no space. */
function fill(file: string): void {
  const bytes = randomBytes(2 ** 20);
  const descriptor = openSync(file, "w", 0o600);
  try {
    for (let written = 0; written < RESERVE_BYTES; written += bytes.length) writeSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
