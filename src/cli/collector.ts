import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { standBack } from "../thread-priority.ts";

/** V8 reads this flag whenever it decides. Nearly all that is made is of some call, and dies with it. */
const NO_PRETENURING = "--no-allocation-site-pretenuring";

/** Old objects may double before all of them are collected; by itself V8 lets them grow by about a fifth where a program allots little. Read after each full collection. */
const GROWTH = "--heap-growing-percent=100";

/** How Node names the threads on which V8 collects garbage and compiles: `V8Worker`, with `node-` before it in some versions. */
const WORKERS_NAME = /^(?:node-)?V8Worker$/;

/**
 * Sets how the process collects garbage: docs/decisions/0014-garbage-collector.md has the reasons and the figures. To be called once it has loaded what it needs, since flags are part
 * of the key under which compiled code is cached, that of Node's own modules and threads too.
 */
export function tuneCollector(): void {
  for (const flag of [NO_PRETENURING, GROWTH]) setFlagsFromString(flag);
  for (const thread of threads()) standBackIfWorker(thread);
}

/** The threads of this process, as Linux counts them; none elsewhere. */
function threads(): readonly string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return [];
  }
}

/** V8 has up to four workers by default: on one or two processors they would take most of them from calls for as long as a full collection lasts. */
function standBackIfWorker(thread: string): void {
  try {
    const name = readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();
    if (WORKERS_NAME.test(name)) standBack(Number(thread));
  } catch {
    // It has ended, or may not be changed: then calls wait longer while garbage is collected, and that is all.
  }
}
