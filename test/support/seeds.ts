/** The seeds of a test that holds for any: 1 to `few`, or to EP_TEST_SEEDS where that is set (`npm run chaos:budgets -- --seeds 20`). */
export function seedsUpTo(few: number): readonly number[] {
  const { EP_TEST_SEEDS: wanted } = process.env;
  return Array.from({ length: wanted === undefined ? few : Number(wanted) }, (_, index) => index + 1);
}

/** Says what a seed came to, where many are run. */
export function tellOfSeed(seed: number, found: Readonly<Record<string, bigint | number>>): void {
  if (process.env.EP_TEST_SEEDS === undefined) return;
  const words = Object.entries(found).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`seed ${seed}: ${words.join(", ")}\n`);
}
