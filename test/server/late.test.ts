import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { startLate } from "../../src/server/late.ts";

// Mutant seen red: all ended by their timers.
test("of those who are late together a few are ended in each turn, and none that was cleared", async () => {
  const count = 100;
  let ended = 0;
  const all = Promise.withResolvers<void>();
  const perTurn: number[] = [];
  const lates = Array.from({ length: count }, () =>
    startLate(1, () => {
      ended += 1;
      if (ended === count - 1) all.resolve();
    }),
  );
  lates[0]?.clear();
  const watch = async (): Promise<void> => {
    for (let before = 0; ended < count - 1; before = ended) {
      await turn();
      perTurn.push(ended - before);
    }
  };
  await Promise.all([all.promise, watch()]);
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(16);
  expect(ended).toBe(count - 1);
});
