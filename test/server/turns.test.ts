import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { createTurns } from "../../src/server/turns.ts";

// Mutant seen red: all in one turn.
test("tasks run in order, a few in each turn, and those with nothing to do are not counted", async () => {
  const turns = createTurns(2);
  const done: number[] = [];
  const add = (task: number): void =>
    turns(() => {
      if (task === 1) return false;
      done.push(task);
      return true;
    });
  for (let task = 0; task < 6; task += 1) add(task);
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual([0, 2]);
  add(6);
  await turn();
  expect(done).toEqual([0, 2, 3, 4]);
  await turn();
  expect(done).toEqual([0, 2, 3, 4, 5, 6]);
  // Nothing waits any more, and the next one is run all the same.
  await turn();
  add(7);
  await turn();
  expect(done.at(-1)).toBe(7);
});
