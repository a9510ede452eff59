import { ExecutionError } from "../../../errors.ts";
import { type Limit, limitId } from "../../../limit.ts";
import type { CounterStore } from "../counter-store.ts";
import { type SeedDeps, seedCounters } from "../seed.ts";
import type { Closure } from "./fill-marks.ts";

/** A server has nothing of what this ledger has of some hard limits. Nothing was taken. */
export class UnfilledError extends Error {
  override readonly name = "UnfilledError";
  readonly limits: readonly Limit[];
  constructor(limits: readonly Limit[]) {
    super("counters have not what was used before");
    this.limits = limits;
  }
}

/** Counters at a server that know which ledgers have told them what was used. */
export interface MarkedCounters extends CounterStore {
  /** Which of some limits this ledger has not filled. */
  unfilled(limits: readonly Limit[]): Promise<readonly Limit[]>;
  /** Notes that this ledger has filled a limit. With a closure that was lost, and lets nothing through yet: other ledgers fill it too. */
  mark(limit: Limit, closure: Closure | undefined): Promise<void>;
  /** Notes that this ledger has filled all limits that it can say anything of. */
  finish(): Promise<void>;
}

/** What filling counters at a server needs. */
export interface RefilledCountersDeps extends Omit<SeedDeps, "counters" | "signal"> {
  readonly counters: MarkedCounters;
  /** Waits so many milliseconds. Rejects when the signal fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told that the server has lost counters, which are filled anew. */
  readonly onLost: (limit: Limit) => void;
  /** How long what was lost lets nothing through. */
  readonly closure: Closure;
}

/** Counters at a server that begin with what the ledgers have. */
export interface RefilledCounters extends CounterStore {
  /** Fills those limits that this ledger has not filled. Never rejects: what cannot be filled now is tried again each second, and by whoever reserves. */
  fill(limits: readonly Limit[]): Promise<void>;
}

/** How long what has just ended may take to be in what a ledger says was used, in milliseconds. */
const LATE_MS = 1_000;

/** From one try to fill what is left to the next, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Creates counters that let nothing through under a hard limit before this ledger has told the server what was used. A limit that nobody has counted yet is filled while
 * whoever reserves waits. One that this process had filled, and the server has lost, is LEDGER_UNAVAILABLE until all processes that live have filled it, or have taken
 * longer for that than the closure allows.
 */
export function createRefilledCounters(options: RefilledCountersDeps): RefilledCounters {
  const { counters, wait, onLost, closure, ...deps } = options;
  /** Limits that this process has filled. */
  const filled = new Set<string>();
  /** Those of them of which is known that the server has lost them. */
  const lost = new Set<string>();
  /** Those that are to be filled. */
  const wanted = new Map<string, Limit>();
  const filling = new Map<string, Promise<void>>();
  const closing = new AbortController();

  const fillNow = async (limit: Limit, id: string): Promise<void> => {
    const isLost = filled.has(id);
    if (isLost) {
      if (!lost.has(id)) onLost(limit);
      lost.add(id);
      await wait(LATE_MS, closing.signal);
    }
    await seedCounters({ ...deps, counters, signal: closing.signal }, [limit]);
    await counters.mark(limit, isLost ? closure : undefined);
    lost.delete(id);
    filled.add(id);
  };
  const fillOnce = (limit: Limit): Promise<void> => {
    const id = limitId(limit);
    const running = filling.get(id) ?? fillNow(limit, id).finally(() => filling.delete(id));
    filling.set(id, running);
    return running;
  };
  const guarded = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await ask();
    } catch (thrown) {
      if (!(thrown instanceof UnfilledError)) throw thrown;
      const done = Promise.all(thrown.limits.map(fillOnce));
      if (thrown.limits.some((limit) => filled.has(limitId(limit)))) {
        done.catch(() => undefined);
        throw notFilled(thrown);
      }
      await done;
    }
    try {
      return await ask();
    } catch (thrown) {
      throw thrown instanceof UnfilledError ? notFilled(thrown) : thrown;
    }
  };
  /** Fills what is wanted. Returns whether all of it is filled now. */
  const fillWanted = async (): Promise<boolean> => {
    const limits = [...wanted];
    try {
      const left = new Set((await counters.unfilled(limits.map(([, limit]) => limit))).map(limitId));
      const tried = limits.map(async ([id, limit]) => {
        if (left.has(id)) await fillOnce(limit);
        // By this ledger, in whatever process.
        else filled.add(id);
        wanted.delete(id);
      });
      await Promise.allSettled(tried);
      if (wanted.size > 0) return false;
      await counters.finish();
      return true;
    } catch {
      return false;
    }
  };
  const retry = async (): Promise<void> => {
    do await wait(RETRY_MS, closing.signal);
    while (!(closing.signal.aborted || (await fillWanted())));
  };
  let retrying: Promise<void> | undefined;
  return {
    ...counters,
    reserve: (claims, asked) => guarded(() => counters.reserve(claims, asked)),
    extend: (reservation, asked) => guarded(() => counters.extend(reservation, asked)),
    fill: async (limits) => {
      for (const limit of limits) wanted.set(limitId(limit), limit);
      if (await fillWanted()) return;
      retrying ??= retry()
        .catch(() => undefined)
        .finally(() => {
          retrying = undefined;
        });
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled([...filling.values(), retrying]);
      await counters.close();
    },
  };
}

/** The error of limits of which the server does not know yet what was used. */
export function notFilled(cause?: unknown): ExecutionError {
  const message = "what was used of a hard limit is being gathered from the ledgers";
  return new ExecutionError("LEDGER_UNAVAILABLE", message, { retryAfterMs: 1_000, cause });
}
