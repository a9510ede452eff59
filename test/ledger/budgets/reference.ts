import type { Claim, CounterName, Wanted } from "../../../src/ledger/budgets/counter-store.ts";
import { limitId } from "../../../src/limit.ts";

interface Held {
  readonly claim: Claim;
  amount: bigint;
}

/**
 * Counters as slowly and plainly as can be, to compare stores with: nothing is kept but what every reservation holds and what was settled, and units
 * are granted by trying one number after the other.
 */
export function createReferenceCounters() {
  const settled = new Map<string, bigint>();
  const open = new Map<number, readonly Held[]>();
  let ids = 0;
  const nameOf = ({ limit, subject }: CounterName): string => limitId(limit) + subject;
  const reservedOf = (name: string): bigint =>
    [...open.values()].flat().reduce((sum, { claim, amount }) => (nameOf(claim) === name ? sum + amount : sum), 0n);
  const settledOf = (name: string): bigint => settled.get(name) ?? 0n;
  const allows = (claim: Claim, units: number): boolean => {
    const name = nameOf(claim);
    const wanted = claim.fixed + claim.perUnit * BigInt(units);
    return claim.limit.mode !== "hard" || settledOf(name) + reservedOf(name) + wanted <= claim.limit.amount;
  };
  const most = (claims: readonly Claim[], wanted: Wanted): number | undefined => {
    for (let units = wanted.most; units >= wanted.least; units -= 1) {
      if (claims.every((claim) => allows(claim, units))) return units;
    }
    return undefined;
  };
  return {
    reserve: (
      claims: readonly Claim[],
      wanted: Wanted,
    ): { readonly id: number; readonly units: number } | undefined => {
      const units = most(claims, wanted);
      if (units === undefined) return undefined;
      ids += 1;
      open.set(
        ids,
        claims.map((claim) => ({ claim, amount: claim.fixed + claim.perUnit * BigInt(units) })),
      );
      return { id: ids, units };
    },
    extend: (id: number, wanted: Wanted): number | undefined => {
      const held = open.get(id) ?? [];
      const units = most(
        held.map(({ claim }) => ({ ...claim, fixed: 0n })),
        wanted,
      );
      if (units !== undefined) for (const each of held) each.amount += each.claim.perUnit * BigInt(units);
      return units;
    },
    settle: (id: number, used: readonly bigint[]): void => {
      for (const [index, { claim }] of (open.get(id) ?? []).entries()) {
        settled.set(nameOf(claim), settledOf(nameOf(claim)) + (used[index] ?? 0n));
      }
      open.delete(id);
    },
    add: (name: CounterName, amount: bigint): void => {
      settled.set(nameOf(name), settledOf(nameOf(name)) + amount);
    },
    peek: (name: CounterName) => ({ settled: settledOf(nameOf(name)), reserved: reservedOf(nameOf(name)) }),
  };
}
