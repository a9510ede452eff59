import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Comparison, compare, type Effort, head, row } from "./lib/compare.ts";
import { createGrpcLoad, createHttpLoad, providerBody } from "./lib/load.ts";
import { type BenchProcess, pinSelf } from "./lib/processes.ts";
import { cores, startBytePipe, startGateway, startProvider } from "./lib/subjects.ts";

// A short form of the bench for every change: the CPU of this commit against that of an earlier one, in the same run. The earlier one is named
// by its argument, or is the newest that is more than 12 hours old. Fails only if even the lower end of the interval says that this commit
// costs more than 1.15 times as much. Where there is no earlier commit, the byte pipe stands in and nothing but whole answers is demanded.

const effort: Effort = { pairs: 7, chunks: 20_000, warmUpChunks: 30_000, concurrency: 50 };
const models = ["paced-100", "burst-100"] as const;
const tolerated = 1.15;
const root = fileURLToPath(new URL("..", import.meta.url));

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

async function against(other: BenchProcess, providerPort: number, otherIsGateway: boolean): Promise<Comparison[]> {
  const gateway = await startGateway(providerPort);
  const load = createGrpcLoad(gateway.port);
  const otherLoad = otherIsGateway
    ? createGrpcLoad(other.port)
    : createHttpLoad(other.port, "/v1/chat/completions", "[DONE]", providerBody);
  try {
    const comparisons: Comparison[] = [];
    for (const model of models) {
      const comparison = await compare({ process: gateway, load }, { process: other, load: otherLoad }, model, effort);
      console.log(row(`gRPC, ${model}`, comparison));
      comparisons.push(comparison);
    }
    return comparisons;
  } finally {
    load.close();
    otherLoad.close();
    await Promise.all([gateway.stop(), other.stop()]);
  }
}

pinSelf(cores.load);
const provider = await startProvider();
const commit = earlierCommit();
try {
  if (commit === "") {
    console.log("no commit is more than 12 hours old; compared with the byte pipe instead, without a bound");
    console.log(head("this", "byte pipe"));
    await against(await startBytePipe(provider.port), provider.port, false);
  } else {
    const directory = join(await mkdtemp(join(tmpdir(), "ep-earlier-")), "tree");
    try {
      await buildEarlier(commit, directory);
      console.log(head("this", commit.slice(0, 9)));
      const comparisons = await against(await startGateway(provider.port, directory), provider.port, true);
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
