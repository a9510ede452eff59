import { ExecutionError } from "../../errors.ts";

/** Counts the calls that go on without a reader, and ends each of them in time. */
export interface Unattended {
  /**
   * Lets a tenant's call go on without a reader. Returns what ends the wait; undefined if too many wait already. `onTimeUp` is called with the error
   * that ends the call if nobody came, or if its place is needed for a tenant that has fewer.
   */
  wait(tenant: string, onTimeUp: (error: ExecutionError) => void): (() => void) | undefined;
}

/** Bounds of what goes on without a reader. */
export interface UnattendedLimits {
  readonly continueMs: number;
  readonly maxContinued: number;
}

/** A call that waits: what ends it early. */
type Wait = () => void;

/** Creates the bound of one process. */
export function createUnattended({ continueMs, maxContinued }: UnattendedLimits): Unattended {
  /** By tenant, the oldest first. */
  const waits = new Map<string, Set<Wait>>();
  const countOf = (tenant: string): number => waits.get(tenant)?.size ?? 0;

  /** Takes a place from the tenant that has the most, unless the asking one would then have as many: one tenant cannot keep others out. */
  const makeRoom = (tenant: string): boolean => {
    const sets = [...waits.values()];
    if (sets.reduce((sum, { size }) => sum + size, 0) < maxContinued) return true;
    const [largest] = sets.toSorted((one, other) => other.size - one.size);
    const [oldest] = largest ?? [];
    if (largest === undefined || oldest === undefined || largest.size <= countOf(tenant) + 1) return false;
    oldest();
    return true;
  };
  return {
    wait: (tenant, onTimeUp) => {
      if (!makeRoom(tenant)) return undefined;
      const own = waits.get(tenant) ?? new Set<Wait>();
      waits.set(tenant, own);
      const stop = (): void => {
        clearTimeout(timer);
        own.delete(giveWay);
        if (own.size === 0 && waits.get(tenant) === own) waits.delete(tenant);
      };
      const endWith = (message: string) => (): void => {
        stop();
        onTimeUp(new ExecutionError("CANCELLED", message));
      };
      const giveWay = endWith("the caller left, and too many of its tenant's calls go on without theirs");
      const timer = setTimeout(endWith(`the caller left and nobody came back within ${continueMs} ms`), continueMs);
      own.add(giveWay);
      return stop;
    },
  };
}
