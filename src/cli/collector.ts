import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { standBack } from "../thread-priority.ts";

/** How Node names the threads on which V8 collects garbage (and compiles): `V8Worker`, with `node-` before it in some versions. */
const COLLECTORS_NAME = /^(?:node-)?V8Worker$/;

/**
 * Sets how garbage is collected to what a gateway's is like: nearly all that is made is of some call, and dies with it. To be called before any code has run often.
 * docs/decisions/0014-garbage-collector.md has the reasons and the figures.
 */
export function tuneCollector(): void {
  // Else V8 makes objects of places in the code whose objects have lived long old at once, with all that is made to be put into them; and what is old and dead keeps calls.
  setFlagsFromString("--no-allocation-site-pretenuring");
  // Else a full collection begins as soon as less than the whole young space has room among the old ones, which on a small heap is a few megabytes after the one before.
  setFlagsFromString("--incremental-marking-soft-trigger=50");
  setFlagsFromString("--incremental-marking-hard-trigger=80");
  standBackCollectors();
}

/** V8 has up to four threads that collect: on one or two processors they would take most of them from calls for as long as a full collection lasts. */
function standBackCollectors(): void {
  try {
    for (const thread of readdirSync("/proc/self/task")) {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();
      if (COLLECTORS_NAME.test(name)) standBack(Number(thread));
    }
  } catch {
    // It may not, or this is not Linux: calls wait longer while garbage is collected, and that is all.
  }
}
