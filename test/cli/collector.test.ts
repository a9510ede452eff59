import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "@jest/globals";
import { startServe } from "../support/serve.ts";

/** Runs a script in a process of its own, since what is set is the whole process's, after `tuneCollector` or without. Gives the lines that it printed. */
function run(script: string, isTuned: boolean, flags: readonly string[] = []): readonly string[] {
  const from = pathToFileURL(join(import.meta.dirname, "../../src/cli/collector.ts")).href;
  const lines = [`import { tuneCollector } from "${from}";`, isTuned ? "tuneCollector();" : "", script];
  const command = [...flags, "--input-type=module", "--eval", lines.join("\n")];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n");
}

// Entries of a table that live longer than a few collections, as what is in a map's old tables does.
const LONG_LIVES = `
  import { setFlagsFromString } from "node:v8";
  setFlagsFromString("--trace-pretenuring-statistics");
  const kept = [];
  const make = (index) => ({ index, closure: () => index });
  for (let index = 0; index < 6_000_000; index += 1) kept[index % 400_000] = make(index);
`;
const isTenuring = (line: string): boolean => /=> (?:maybe )?tenure/.test(line);

// Mutant seen red: the flag is not set, or not known to V8.
test("no place in the code is taken to make what lives long", () => {
  expect(run(LONG_LIVES, false).filter(isTenuring)).not.toEqual([]);
  expect(run(LONG_LIVES, true).filter(isTenuring)).toEqual([]);
});

// What is old dies and is replaced, as fast as can be: left to itself V8 lets it grow to four times as much here.
const REPLACED = `
  import { setFlagsFromString } from "node:v8";
  setFlagsFromString("--trace-gc");
  class Kept {
    constructor(index) {
      this.more = [index];
    }
  }
  const kept = [];
  for (let index = 0; index < 6_000_000; index += 1) kept[index % 300_000] = new Kept(index);
`;

// Mutants seen red: the flag is not set; another percentage.
test("all objects are collected once the old ones have doubled", () => {
  const lines = run(REPLACED, true, ["--max-semi-space-size=1"]);
  const full = lines.flatMap((line) => {
    const [, before, after] = /Mark-Compact.*? ([\d.]+) \(.*?-> ([\d.]+) \(/.exec(line) ?? [];
    return before === undefined ? [] : [{ before: Number(before), after: Number(after) }];
  });
  // The first ones are made while the heap gets as large as it is going to be.
  const growths = full.slice(3).map(({ before }, index) => before / (full[index + 2]?.after ?? 0));
  expect(growths.length).toBeGreaterThan(1);
  // On a busy machine some are late, and the objects are more by then.
  expect(Math.min(...growths)).toBeGreaterThan(1.8);
  expect(Math.min(...growths)).toBeLessThan(2.6);
});

// Only Linux gives a thread a priority of its own, and shows it there. Mutants seen red: no thread stands back; all do; `serve` does not ask for it.
(existsSync("/proc/self/task") ? test : test.skip)(
  "in serve V8's workers stand back for the thread that serves",
  async () => {
    const gateway = await startServe();
    const of = `/proc/${gateway.child.pid}/task`;
    const threads = readdirSync(of).map((thread) => ({
      name: readFileSync(`${of}/${thread}/comm`, "utf8").trim(),
      // What follows the name in brackets: the state is field 3, the nice value field 19 (proc_pid_stat(5)).
      nice: Number(
        readFileSync(`${of}/${thread}/stat`, "utf8")
          .replace(/^.*\) /, "")
          .split(" ")[16],
      ),
    }));
    await gateway.stop();
    const nicesOf = (isWorker: boolean): ReadonlySet<number> =>
      new Set(threads.filter(({ name }) => name.endsWith("V8Worker") === isWorker).map(({ nice }) => nice));
    expect(nicesOf(true)).toEqual(new Set([Math.min(19, getPriority() + 10)]));
    expect(nicesOf(false)).toEqual(new Set([getPriority()]));
  },
);
