import { expect, test } from "@jest/globals";
import { createCleaningClock } from "../../../src/ledger/stores/cleaning-clock.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 26);

// Mutants seen red: the wall clock alone; the time that has passed is not counted; a clock that is set back is not followed.
test("what is too old is not decided by a clock that has jumped ahead", () => {
  let wall = START;
  let monotonic = 500;
  const now = createCleaningClock({ nowMs: () => wall, monotonicMs: () => monotonic });
  const pass = (ms: number): void => {
    wall += ms;
    monotonic += ms;
  };
  expect(now()).toBe(START);
  pass(48 * HOUR);
  expect(now()).toBe(START + 48 * HOUR);
  wall += HOUR / 2;
  expect(now()).toBe(START + 48.5 * HOUR);
  wall += 10_000 * HOUR;
  expect(now()).toBe(START + 49 * HOUR);
  pass(24 * HOUR);
  expect(now()).toBe(START + 73 * HOUR);
  wall = START;
  expect(now()).toBe(START);
});
