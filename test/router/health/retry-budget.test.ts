import { expect, test } from "@jest/globals";
import { createRetryBudget } from "../../../src/router/health/retry-budget.ts";

function rig() {
  let now = 0;
  const budget = createRetryBudget(() => now);
  return {
    budget,
    pass: (ms: number) => {
      now += ms;
    },
    /** Retries as long as the budget allows; returns how many that were. */
    drain: () => {
      let count = 0;
      while (budget.allows() && count < 10_000) {
        budget.spend();
        count += 1;
      }
      return count;
    },
  };
}

test("an instance that few call gets three retries a second", () => {
  const { drain, pass } = rig();
  expect(drain()).toBe(30);
  pass(9_000);
  expect(drain()).toBe(0);
  pass(1_000);
  expect(drain()).toBe(30);
});

// Mutants seen red: a budget that grows with retries too; one that nothing is ever taken back from.
test("one that many call gets a tenth of the requests of the last ten seconds", () => {
  const { budget, drain, pass } = rig();
  for (let second = 0; second < 20; second += 1) {
    for (let request = 0; request < 500; request += 1) budget.request();
    pass(1_000);
  }
  // The second that begins now has taken the place of the oldest.
  expect(drain()).toBe(450);
  pass(60_000);
  expect(drain()).toBe(30);
});
