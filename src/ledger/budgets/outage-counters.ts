import { ExecutionError } from "../../errors.ts";
import { limitId } from "../../limit.ts";
import type { Claim, CounterName, CounterStore, Reservation } from "./counter-store.ts";

/** What counting goes on with while a server is gone. */
export interface OutageCountersOptions {
  /** Counters that reject with LEDGER_UNAVAILABLE while they cannot be reached. */
  readonly shared: CounterStore;
  /** Counters of this process alone. */
  readonly own: CounterStore;
  /** What each limit in money may use here in a window meanwhile, in nano-USD; its own amount if that is less. Limits in other units keep theirs. */
  readonly capNanoUsd: bigint;
}

/** What was used here and the shared counters do not know of. */
interface Owed {
  readonly name: CounterName;
  amount: bigint;
}

/**
 * Creates counters that go on by themselves, up to a cap, while the shared ones cannot be reached. What was used meanwhile is told to those once they are back. A
 * reservation that the server knows is not extended without it.
 */
export function createOutageCounters({ shared, own, capNanoUsd }: OutageCountersOptions): CounterStore {
  /** Reservations of this process alone. */
  const ours = new Map<Reservation, Reservation>();
  const owed = new Map<string, Owed>();

  const capped = (claim: Claim): Claim => {
    const { limit } = claim;
    const isLess = limit.unit === "usd" && capNanoUsd < limit.amount;
    return isLess ? { ...claim, limit: { ...limit, amount: capNanoUsd } } : claim;
  };
  const owe = (name: CounterName, amount: bigint): void => {
    if (name.limit.window === "now" || amount === 0n) return;
    const id = `${limitId(name.limit)}${name.subject}`;
    const known = owed.get(id);
    if (known === undefined) owed.set(id, { name, amount });
    else known.amount += amount;
  };
  const pay = async (): Promise<void> => {
    for (const [id, { name, amount }] of owed) {
      // Taken off first: whoever comes meanwhile must not pay it too.
      owed.delete(id);
      try {
        await shared.add(name, amount);
      } catch (thrown) {
        owe(name, amount);
        throw thrown;
      }
    }
  };

  return {
    ...shared,
    reserve: async (claims, wanted) => {
      try {
        if (owed.size > 0) await pay();
        return await shared.reserve(claims, wanted);
      } catch (thrown) {
        if (!isOutage(thrown)) throw thrown;
        const answer = await own.reserve(claims.map(capped), wanted);
        if (answer.kind === "refused") return answer;
        const reservation = { id: `own:${answer.reservation.id}`, claims };
        ours.set(reservation, answer.reservation);
        return { ...answer, reservation };
      }
    },
    extend: (reservation, wanted) => {
      const mine = ours.get(reservation);
      return mine === undefined ? shared.extend(reservation, wanted) : own.extend(mine, wanted);
    },
    settle: async (reservation, used) => {
      const mine = ours.get(reservation);
      if (mine === undefined) return shared.settle(reservation, used);
      ours.delete(reservation);
      for (const [index, claim] of reservation.claims.entries()) owe(claim, used[index] ?? 0n);
      const standings = await own.settle(mine, used);
      // The cap is no amount of a budget: who is told of shares of it is told of the budget's own.
      return standings.map((standing, index) => ({
        ...standing,
        limit: reservation.claims[index]?.limit ?? standing.limit,
      }));
    },
    close: async () => {
      await pay().catch(() => undefined);
      await Promise.all([shared.close(), own.close()]);
    },
  };
}

function isOutage(thrown: unknown): boolean {
  return thrown instanceof ExecutionError && thrown.reason === "LEDGER_UNAVAILABLE";
}
