import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

/** Runs a script in a process of its own, since what is set is the whole process's, after `tuneCollector` or without. */
function run(script: string, isTuned: boolean): string {
  const from = JSON.stringify(join(import.meta.dirname, "../../src/cli/collector.ts"));
  const lines = [`import { tuneCollector } from ${from};`, isTuned ? "tuneCollector();" : "", script];
  return execFileSync(process.execPath, ["--input-type=module", "--eval", lines.join("\n")], { encoding: "utf8" });
}

// Entries of a table that live longer than a few collections, as what is in a map's old tables does.
const LONG_LIVES = `
  import { setFlagsFromString } from "node:v8";
  setFlagsFromString("--trace-pretenuring-statistics");
  const kept = [];
  const make = (index) => ({ index, closure: () => index });
  for (let index = 0; index < 6_000_000; index += 1) kept[index % 400_000] = make(index);
`;

// Mutant seen red: the flag is not set.
test("no place in the code is taken to make what lives long", () => {
  expect(run(LONG_LIVES, false)).toContain("maybe tenure");
  expect(run(LONG_LIVES, true)).not.toContain("maybe tenure");
});

const PRIORITIES = `
  import { readdirSync, readFileSync } from "node:fs";
  const of = (thread, file) => readFileSync("/proc/self/task/" + thread + "/" + file, "utf8");
  // What follows the name in brackets: the nice value is field 19 (proc_pid_stat(5)).
  const nice = (thread) => Number(of(thread, "stat").replace(/^.*\\) /, "").split(" ")[16]);
  const threads = readdirSync("/proc/self/task").map((thread) => [of(thread, "comm").trim(), nice(thread)]);
  console.log(JSON.stringify(threads));
`;

// Only Linux gives a thread a priority of its own, and shows it there. Mutants seen red: no thread stands back; all do.
(existsSync("/proc/self/task") ? test : test.skip)("threads that collect stand back for the one that serves", () => {
  const threads = JSON.parse(run(PRIORITIES, true)) as readonly (readonly [name: string, nice: number])[];
  const collect = threads.filter(([name]) => name.endsWith("V8Worker")).map(([, nice]) => nice);
  expect(new Set(collect)).toEqual(new Set([Math.max(getPriority(), 10)]));
  const others = threads.filter(([name]) => !name.endsWith("V8Worker")).map(([, nice]) => nice);
  expect(new Set(others)).toEqual(new Set([getPriority()]));
});
