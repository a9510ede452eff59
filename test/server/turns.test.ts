import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { createTurns, NOBODY, type Turns } from "../../src/server/turns.ts";

const owner = {};
let nowMs = 0;
const clockMs = (): number => nowMs;

/** Adds a task that writes down its name. */
function add(turns: Turns, done: string[], name: string, of: object = owner): void {
  turns(of, () => {
    done.push(name);
    return true;
  });
}

// Mutant seen red: all in one turn.
test("tasks run in order, a few in each turn, and those with nothing to do are not counted", async () => {
  const turns = createTurns({ perTurn: 2, budgetMs: 1, clockMs });
  const done: string[] = [];
  add(turns, done, "a");
  turns(owner, () => false);
  for (const name of ["b", "c", "d", "e"]) add(turns, done, name);
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual(["a", "b"]);
  add(turns, done, "f");
  await turn();
  expect(done).toEqual(["a", "b", "c", "d"]);
  await turn();
  expect(done).toEqual(["a", "b", "c", "d", "e", "f"]);
  // Nothing waits any more, and the next one is run all the same.
  await turn();
  add(turns, done, "g");
  await turn();
  expect(done.at(-1)).toBe("g");
});

// Mutant seen red: one line for all.
test("owners take turns, however much one of them has", async () => {
  const turns = createTurns({ perTurn: 2, budgetMs: 1, clockMs });
  const done: string[] = [];
  for (let count = 0; count < 100; count += 1) add(turns, done, `flood ${count}`);
  add(turns, done, "caller", {});
  await turn();
  expect(done).toEqual(["flood 0", "caller"]);
});

/** How much is done in each of the next turns. */
async function nextTurns(done: readonly string[], count: number): Promise<number[]> {
  const each: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const before = done.length;
    await turn();
    each.push(done.length - before);
  }
  return each;
}

// Mutants seen red: an owner that is alone for the moment has the whole turn; it keeps its part for ever; of the turns before only the last one counts.
test("nobody has more than its part of a turn where there were several of late", async () => {
  const turns = createTurns({ perTurn: 4, budgetMs: 1, clockMs });
  const done: string[] = [];
  add(turns, done, "caller", {});
  for (let count = 0; count < 200; count += 1) add(turns, done, "flood");
  expect(await nextTurns(done, 1)).toEqual([3]);
  const parts = await nextTurns(done, 33);
  const alone = parts.indexOf(4);
  expect(alone).toBeGreaterThanOrEqual(16);
  expect(parts.slice(0, alone)).toEqual(Array.from({ length: alone }, () => 2));
  expect(parts.slice(alone)).toEqual(Array.from({ length: 33 - alone }, () => 4));
});

// Mutant seen red: it has a part as anybody else.
test("what is nobody's in particular has as much of a turn as others leave", async () => {
  const turns = createTurns({ perTurn: 4, budgetMs: 1, clockMs });
  const done: string[] = [];
  for (const name of ["one", "two", "three"]) add(turns, done, name, {});
  for (let count = 0; count < 20; count += 1) add(turns, done, "late", NOBODY);
  expect(await nextTurns(done, 3)).toEqual([4, 4, 4]);
  expect(done.slice(0, 4)).toEqual(["one", "two", "three", "late"]);
});

// Mutant seen red: the first in line that has had its part ends the turn.
test("who has had its part keeps nobody behind it from having its own", async () => {
  const turns = createTurns({ perTurn: 6, budgetMs: 1, clockMs });
  const done: string[] = [];
  const one = {};
  const two = {};
  add(turns, done, "one", one);
  for (let count = 0; count < 2; count += 1) turns(one, () => false);
  for (let count = 0; count < 9; count += 1) add(turns, done, "two", two);
  for (let count = 0; count < 9; count += 1) add(turns, done, "three");
  for (const name of ["one again", "one still"]) add(turns, done, name, one);
  await turn();
  expect(done).toEqual(["one", "two", "three", "two", "three", "one again"]);
});

// Mutant seen red: what had nothing to do is counted as its owner's part.
test("tasks with nothing to do take nothing of an owner's part", async () => {
  const turns = createTurns({ perTurn: 4, budgetMs: 1, clockMs });
  const done: string[] = [];
  add(turns, done, "caller", {});
  for (let count = 0; count < 50; count += 1) turns(owner, () => false);
  for (const name of ["a", "b", "c"]) add(turns, done, name);
  await turn();
  expect(done).toEqual(["caller", "a", "b"]);
});

// Mutants seen red: no budget; what follows from a task by promises not counted.
test("no task is begun once the time of the turn is used up, promises included", async () => {
  const turns = createTurns({ perTurn: 8, budgetMs: 3, clockMs });
  const done: string[] = [];
  for (const name of ["a", "b", "c"]) {
    turns(owner, () => {
      queueMicrotask(() => {
        nowMs += 2;
        done.push(name);
      });
      return true;
    });
  }
  await turn();
  expect(done).toEqual(["a", "b"]);
  await turn();
  expect(done).toEqual(["a", "b", "c"]);
});
