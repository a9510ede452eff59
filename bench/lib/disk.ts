import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { quantileOf } from "./statistics.ts";

/** How long a disk takes, in milliseconds. */
export interface DiskTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Appends so many bytes to a new file of a directory and waits until they are on the disk, `times` times over. The file is deleted. */
export function timeDisk(directory: string, bytes: number, times: number): DiskTimes {
  const path = join(directory, "disk-alone");
  const file = openSync(path, "ax");
  try {
    const piece = Buffer.alloc(bytes, 1);
    const tookMs = Array.from({ length: times }, () => {
      const began = performance.now();
      writeSync(file, piece);
      fdatasyncSync(file);
      return performance.now() - began;
    });
    return { p50Ms: quantileOf(tookMs, 0.5), p99Ms: quantileOf(tookMs, 0.99) };
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
