import { ExecutionError } from "../../../errors.ts";
import { type Limit, limitId } from "../../../limit.ts";
import type { CounterStore } from "../counter-store.ts";
import { type SeedDeps, seedCounters } from "../seed.ts";

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
  /** Notes that this ledger has filled a limit, which lets nothing through for so many milliseconds yet: other ledgers fill it too. */
  mark(limit: Limit, closedMs: number): Promise<void>;
}

/** What filling counters at a server needs. */
export interface RefilledCountersDeps extends Omit<SeedDeps, "counters"> {
  readonly counters: MarkedCounters;
  /** Waits so many milliseconds. Rejects when the signal fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told that the server has lost counters, which are filled anew. */
  readonly onLost: (limit: Limit) => void;
}

/** Counters at a server that begin with what the ledgers have. */
export interface RefilledCounters extends CounterStore {
  /** Fills those limits that this ledger has not filled. Never rejects: what cannot be filled now is by whoever reserves, or the next time. */
  fill(limits: readonly Limit[]): Promise<void>;
}

/** How long what has just ended may take to be in what a ledger says was used, in milliseconds. */
const LATE_MS = 1_000;

/** How long counters that were lost let nothing through after the first ledger has filled them, in milliseconds: the others have seen it by then, and filled them too. */
const CLOSED_MS = 4_000;

/**
 * Creates counters that let nothing through under a hard limit before this ledger has told the server what was used. A limit that nobody has counted yet is filled while
 * whoever reserves waits. One that this process had filled, and the server has lost, is LEDGER_UNAVAILABLE until all processes that live have filled it.
 */
export function createRefilledCounters({ counters, wait, onLost, ...deps }: RefilledCountersDeps): RefilledCounters {
  /** Limits that this process has filled. */
  const filled = new Set<string>();
  const filling = new Map<string, Promise<void>>();
  const closing = new AbortController();

  const fillNow = async (limit: Limit, id: string): Promise<void> => {
    const isLost = filled.has(id);
    if (isLost) {
      onLost(limit);
      await wait(LATE_MS, closing.signal);
    }
    await seedCounters({ ...deps, counters }, [limit]);
    await counters.mark(limit, isLost ? CLOSED_MS : 0);
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
  return {
    ...counters,
    reserve: (claims, wanted) => guarded(() => counters.reserve(claims, wanted)),
    extend: (reservation, wanted) => guarded(() => counters.extend(reservation, wanted)),
    fill: async (limits) => {
      const left = await counters.unfilled(limits).catch(() => undefined);
      if (left === undefined) return;
      const missing = new Set(left.map(limitId));
      // By this ledger, in whatever process.
      for (const id of limits.map(limitId)) if (!missing.has(id)) filled.add(id);
      await Promise.allSettled(left.map(fillOnce));
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled([...filling.values()]);
      await counters.close();
    },
  };
}

/** The error of limits of which the server does not know yet what was used. */
export function notFilled(cause?: unknown): ExecutionError {
  const message = "what was used of a hard limit is being gathered from the ledgers";
  return new ExecutionError("LEDGER_UNAVAILABLE", message, { retryAfterMs: 1_000, cause });
}
