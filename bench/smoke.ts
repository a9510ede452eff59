import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, compare, type Effort, head, row } from "./lib/compare.ts";
import { createGrpcLoad, createHttpLoad, type Load } from "./lib/load.ts";
import { type BenchProcess, pinSelf } from "./lib/processes.ts";
import { cores, root, startBytePipe, startGateway, startProvider } from "./lib/subjects.ts";
import { wiresIn } from "./lib/wires/index.ts";
import type { BenchWire } from "./lib/wires/wire.ts";

// A short form of the bench for every change: the CPU of this commit against that of an earlier one, in the same run, on each provider's wire that
// both have. The earlier one is named by its argument, or is the newest that is more than 12 hours old. Fails only if even the lower end of the
// interval says that this commit costs more than 1.15 times as much. Where there is no earlier commit, the byte pipe stands in and nothing but
// whole answers is demanded.

const effort: Effort = { pairs: 7, chunks: 20_000, warmUpChunks: 30_000, concurrency: 50 };
/** Where each chunk is a call. */
const callEffort: Effort = { pairs: 15, chunks: 4_000, warmUpChunks: 8_000, concurrency: 50 };
/** Where bursting costs what an adapter costs; pacing costs the same whatever the wire, so that one wire stands for all. */
const rows: readonly { readonly wire: string; readonly model: string; readonly effort: Effort }[] = [
  { wire: "openai", model: "burst-1", effort: callEffort },
  { wire: "openai", model: "paced-100", effort },
  { wire: "openai", model: "burst-100", effort },
  { wire: "anthropic", model: "burst-100", effort },
  { wire: "gemini", model: "burst-100", effort },
];
const tolerated = 1.15;

const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

function earlierCommit(): string {
  const named = process.argv[2];
  return named === undefined ? git("log", "-1", "--before=12 hours ago", "--format=%H") : git("rev-parse", named);
}

/** Checks an earlier commit out, with this commit's packages if it wants the same, and builds it. */
async function buildEarlier(commit: string, directory: string): Promise<void> {
  git("worktree", "add", "--detach", directory, commit);
  const lock = (folder: string): Promise<string> => readFile(join(folder, "package-lock.json"), "utf8");
  if ((await lock(directory)) === (await lock(root)))
    await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  else execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: directory, stdio: "ignore" });
  execFileSync("npm", ["run", "--silent", "build"], { cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
}

/** Compares this commit with another side on the rows whose wire both have. */
async function against(
  other: BenchProcess,
  loadOther: (wire: BenchWire) => Load,
  wires: readonly BenchWire[],
): Promise<Comparison[]> {
  const gateway = await startGateway(provider.port);
  try {
    const comparisons: Comparison[] = [];
    for (const { wire: name, model, effort: wanted } of rows) {
      const wire = wires.find((one) => one.name === name);
      if (wire === undefined) {
        console.log(`${name}, ${model}: not on both sides`);
        continue;
      }
      const sides = [
        { process: gateway, load: createGrpcLoad(gateway.port, wire) },
        { process: other, load: loadOther(wire) },
      ] as const;
      try {
        const comparison = await compare(...sides, model, wanted);
        console.log(row(`${name}, ${model}`, comparison));
        comparisons.push(comparison);
      } finally {
        for (const { load } of sides) load.close();
      }
    }
    return comparisons;
  } finally {
    await Promise.all([gateway.stop(), other.stop()]);
  }
}

pinSelf(cores.load);
const provider = await startProvider();
const commit = earlierCommit();
try {
  if (commit === "") {
    console.log("no commit is more than 12 hours old; compared with the byte pipe instead, without a bound");
    console.log(head("gRPC", "this", "byte pipe"));
    const pipe = await startBytePipe(provider.port);
    await against(pipe, (wire) => createHttpLoad(pipe.port, wire), wiresIn(root));
  } else {
    const directory = join(await mkdtemp(join(tmpdir(), "ep-earlier-")), "tree");
    try {
      await buildEarlier(commit, directory);
      console.log(head("gRPC", "this", commit.slice(0, 9)));
      const earlier = await startGateway(provider.port, directory);
      const shared = wiresIn(root).filter((wire) => wiresIn(directory).includes(wire));
      const comparisons = await against(earlier, (wire) => createGrpcLoad(earlier.port, wire), shared);
      if (comparisons.some(({ ratio }) => ratio.low > tolerated)) {
        console.log(`costs more than ${tolerated} times as much as ${commit.slice(0, 9)}`);
        process.exitCode = 1;
      }
    } finally {
      git("worktree", "remove", "--force", directory);
      await rm(join(directory, ".."), { recursive: true, force: true });
    }
  }
} finally {
  await provider.stop();
}
