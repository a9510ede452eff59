import { ExecutionError } from "../../errors.ts";
import { type Limit, limitId } from "../../limit.ts";
import type { CounterStore } from "./counter-store.ts";
import { type SeedDeps, seedCounters } from "./seed.ts";

/** What filling counters needs. */
export interface FilledCountersDeps extends Omit<SeedDeps, "counters" | "signal"> {
  readonly counters: CounterStore;
  /** Waits so many milliseconds. Rejects when the signal fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told that so many limits cannot be filled now, and why; and, with 0, that all are. */
  readonly onChange: (unfilled: number, why: unknown) => void;
}

/** Counters of limits that begin with what the ledger has. */
export interface FilledCounters extends CounterStore {
  /** Fills the counters of limits. What cannot be filled now is filled as soon as it can be; nobody waits for that here. Never rejects. */
  fill(limits: readonly Limit[]): Promise<void>;
}

/** A limit that is to be filled. */
interface Fill {
  readonly limit: Limit;
  /** Told of the first try. */
  readonly first: PromiseWithResolvers<void>;
}

/** From one try to fill what is left to the next, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Creates counters that let nothing through under a hard limit before it is filled: reserving waits for the first try, and rejects with LEDGER_UNAVAILABLE if that was
 * in vain and until a later one is not. Other limits count from nothing meanwhile.
 */
export function createFilledCounters({ wait, onChange, ...deps }: FilledCountersDeps): FilledCounters {
  const { counters } = deps;
  /** The first try of each limit that is not filled, of its last fill. */
  const unfilled = new Map<string, PromiseWithResolvers<void>>();
  const closing = new AbortController();
  const retrying = new Set<Promise<void>>();

  /** Returns what is left, and why. Once the ledger does not answer, the others are not tried. */
  const fillAll = async (fills: readonly Fill[]): Promise<{ left: readonly Fill[]; why: unknown }> => {
    const left: Fill[] = [];
    let why: unknown;
    for (const fill of fills) {
      const { limit, first } = fill;
      const id = limitId(limit);
      try {
        if (isAway(why)) throw why;
        await seedCounters({ ...deps, signal: closing.signal }, [limit]);
        first.resolve();
        // A limit that was put back meanwhile may have been used in between: only what was read after that opens it.
        if (unfilled.get(id) === first) unfilled.delete(id);
      } catch (thrown) {
        why = thrown;
        left.push(fill);
        first.reject(notFilled(thrown));
      }
    }
    return { left, why };
  };
  const retry = async (fills: readonly Fill[]): Promise<void> => {
    for (let left = fills; left.length > 0; left = (await fillAll(left)).left) {
      await wait(RETRY_MS, closing.signal);
    }
    if (unfilled.size === 0) onChange(0, undefined);
  };
  return {
    ...counters,
    reserve: async (claims, wanted) => {
      if (unfilled.size > 0) {
        const hard = claims.filter(({ limit }) => limit.mode === "hard");
        await Promise.all(hard.map(({ limit }) => unfilled.get(limitId(limit))?.promise));
      }
      return counters.reserve(claims, wanted);
    },
    fill: async (limits) => {
      const fills = limits.map((limit) => ({ limit, first: Promise.withResolvers<void>() }));
      for (const { limit, first } of fills) {
        const id = limitId(limit);
        // Whoever reserves is told, those who wait for an earlier fill too.
        first.promise.catch(() => undefined);
        unfilled.get(id)?.resolve(first.promise);
        unfilled.set(id, first);
      }
      const { left, why } = await fillAll(fills);
      if (left.length === 0 || closing.signal.aborted) return;
      onChange(left.length, why);
      const done = retry(left)
        .catch(() => undefined)
        .finally(() => retrying.delete(done));
      retrying.add(done);
    },
    close: async () => {
      closing.abort();
      await Promise.all(retrying);
      await counters.close();
    },
  };
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof ExecutionError && thrown.reason === "LEDGER_UNAVAILABLE";
}

function notFilled(cause: unknown): ExecutionError {
  return new ExecutionError("LEDGER_UNAVAILABLE", "what was used of a hard limit cannot be read from the ledger yet", {
    retryAfterMs: RETRY_MS,
    cause,
  });
}
