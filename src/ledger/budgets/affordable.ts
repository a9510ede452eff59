import type { Claim, Wanted } from "./counter-store.ts";

/** What a claim may still take from its counter. */
export interface Room {
  readonly claim: Claim;
  /** Settled and reserved together. */
  readonly used: bigint;
}

/** How many units a claim's limit allows; undefined if it refuses. One that is not hard allows all. */
export function unitsWithin({ claim, used }: Room, { most, least }: Wanted): number | undefined {
  const { limit, fixed, perUnit } = claim;
  if (limit.mode !== "hard") return most;
  const room = limit.amount - used - fixed;
  if (room < 0n || room < perUnit * BigInt(least)) return undefined;
  if (perUnit === 0n) return most;
  const units = room / perUnit;
  return units > BigInt(most) ? most : Number(units);
}

/** True if a claim fits into the whole of its limit, so that waiting helps. */
export function fitsEver({ limit, fixed, perUnit }: Claim, { least }: Wanted): boolean {
  return fixed + perUnit * BigInt(least) <= limit.amount;
}

/** What is taken for so many units. */
export function amountOf({ fixed, perUnit }: Pick<Claim, "fixed" | "perUnit">, units: number): bigint {
  return fixed + perUnit * BigInt(units);
}
