import { ExecutionError } from "../../errors.ts";
import { unlessAborted } from "../../unless-aborted.ts";
import type { CallContext } from "../call.ts";
import type { AdminDeps } from "./deps.ts";

/** From one look to the next: what changes meanwhile is one change. Milliseconds. */
const PACE_MS = 1_000;

/** How many may watch at once, and how many of them with keys of one tenant, so that it leaves room for others. */
const MAX_WATCHERS = 64;
const MAX_OF_TENANT = 32;

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
  const watchers: string[] = [];
  return async function* watch(context, draining, look) {
    const { tenant } = context.principal;
    if (watchers.length >= MAX_WATCHERS) throw taken(`${MAX_WATCHERS}`);
    if (watchers.filter((other) => other === tenant).length >= MAX_OF_TENANT)
      throw taken(`${MAX_OF_TENANT} of this tenant`);
    watchers.push(tenant);
    const signal = AbortSignal.any([context.signal, draining]);
    try {
      while (!signal.aborted) {
        const change = await unlessAborted(look(), signal).catch((thrown: unknown) => {
          if (!signal.aborted) throw thrown;
        });
        if (change !== undefined) yield [change];
        await wait(PACE_MS, signal).catch(ignoreEnd);
      }
      context.signal.throwIfAborted();
      throw new ExecutionError("DRAINING", "this server is shutting down; watch another one", { retryAfterMs: 0 });
    } finally {
      watchers.splice(watchers.indexOf(tenant), 1);
    }
  };
}

function taken(who: string): ExecutionError {
  return new ExecutionError("OVERLOADED", `${who} watch already`, { retryAfterMs: PACE_MS });
}

function ignoreEnd(): void {
  // The loop sees to it.
}
