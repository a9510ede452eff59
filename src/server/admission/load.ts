import { totalmem } from "node:os";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { LimitSettings } from "../../config/config.ts";
import { createLagMeter } from "./lag.ts";
import { createMemoryMeter } from "./memory.ts";

/** How loaded the process is. */
export interface Load {
  /** How late the event loop is, smoothed, in milliseconds. */
  readonly lagMs: number;
  /** Memory in use as a share of what the process may have: of its heap or of all of it, whichever is more. */
  readonly memoryShare: number;
}

/** What watching the load needs. */
export interface LoadDeps {
  /** The limits in force. */
  readonly limits: () => Pick<LimitSettings, "maxMemoryBytes">;
  /** The memory share from which on garbage is collected to find out what is left. */
  readonly highMemoryShare: number;
  readonly onSample: (load: Load) => void;
  /** Milliseconds since an arbitrary start, monotonic. */
  readonly monotonicMs: () => number;
}

const LAG_INTERVAL_MS = 100;
const MEMORY_EVERY_SAMPLES = 10;

/** Samples the process's load until it is closed. Does not keep the process alive. */
export function watchLoad({ limits, highMemoryShare, onSample, monotonicMs }: LoadDeps): { close(): void } {
  const smooth = createLagMeter();
  const measure = (): number => memoryShare(limits().maxMemoryBytes);
  const sampleMemory = createMemoryMeter({ measure, collect: collectGarbage, monotonicMs, high: highMemoryShare });
  let lastMs = monotonicMs();
  let samples = 0;
  let share = 0;
  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    const lagMs = smooth(nowMs - lastMs - LAG_INTERVAL_MS);
    if (samples % MEMORY_EVERY_SAMPLES === 0) share = sampleMemory();
    samples += 1;
    onSample({ lagMs, memoryShare: share });
    // A collection is no lag of the event loop's.
    lastMs = monotonicMs();
  }, LAG_INTERVAL_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

/** The larger of two shares: V8's heap, and what is resident of what is configured or else of the container's limit, if there is one. */
function memoryShare(maxMemoryBytes: number | undefined): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  const mostBytes = maxMemoryBytes ?? containerBytes();
  return Math.max(used / limit, mostBytes === undefined ? 0 : process.memoryUsage.rss() / mostBytes);
}

/** Without a limit Node reports a number beyond any machine's memory, or 0. */
function containerBytes(): number | undefined {
  const bytes = process.constrainedMemory();
  return bytes > 0 && bytes < totalmem() ? bytes : undefined;
}

let collector: (() => void) | undefined;

/** V8 gives its collector to contexts that are made while this flag is set. */
function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    collector = typeof found === "function" ? () => Reflect.apply(found, undefined, []) : () => undefined;
  }
  collector();
}
