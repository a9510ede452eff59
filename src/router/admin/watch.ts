import { ExecutionError } from "../../errors.ts";
import type { CallContext } from "../call.ts";
import type { AdminDeps } from "./deps.ts";

/** From one look to the next: what changes meanwhile is one change. Milliseconds. */
const PACE_MS = 1_000;

/** How many may watch at once. */
const MAX_WATCHERS = 64;

/** Tells somebody again and again what has changed. */
export type Watch = <Response>(
  context: CallContext,
  draining: AbortSignal,
  look: () => Promise<Response | undefined>,
) => AsyncGenerator<readonly Response[]>;

/**
 * Creates a watch that all who watch share. `look` says what has changed since it was asked last, undefined for nothing; it is asked when its reader has
 * taken what was said before, and at most once a second. It ends with the call, or DRAINING.
 */
export function createWatch({ wait }: Pick<AdminDeps, "wait">): Watch {
  let watchers = 0;
  return async function* watch(context, draining, look) {
    if (watchers >= MAX_WATCHERS) {
      throw new ExecutionError("OVERLOADED", `${MAX_WATCHERS} watch already`, { retryAfterMs: PACE_MS });
    }
    watchers += 1;
    const signal = AbortSignal.any([context.signal, draining]);
    try {
      while (!signal.aborted) {
        const change = await look();
        if (change !== undefined) yield [change];
        await wait(PACE_MS, signal).catch(ignoreEnd);
      }
      context.signal.throwIfAborted();
      throw new ExecutionError("DRAINING", "this server is shutting down; watch another one", { retryAfterMs: 0 });
    } finally {
      watchers -= 1;
    }
  };
}

function ignoreEnd(): void {
  // The loop sees to it.
}
