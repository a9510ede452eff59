/** The most a uint32 of the contract holds. */
const MAX_PERCENT = 2n ** 32n - 1n;

/** How much of an amount is used, in whole percent, rounded down; 100 of an amount of 0. What no message can hold is told as the most that one can. */
export function percentOf(used: bigint, amount: bigint): number {
  const percent = amount === 0n ? 100n : (used * 100n) / amount;
  return Number(percent < MAX_PERCENT ? percent : MAX_PERCENT);
}
