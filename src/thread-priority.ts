import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { basename } from "node:path";

/** Identity of the thread that asks, as Linux counts threads. Throws elsewhere. */
export function ownThread(): number {
  return Number(basename(readlinkSync("/proc/thread-self")));
}

/** By how much a thread that stands back is nicer than its process, and the nicest there is. */
const NICER_BY = 10;
const NICEST = 19;

/** Has a thread of this process wait where others of it want the processor too. To Linux a thread is a process with a priority of its own. Throws elsewhere. */
export function standBack(thread: number): void {
  setPriority(thread, Math.min(NICEST, getPriority() + NICER_BY));
}
