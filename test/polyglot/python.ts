import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "./command.ts";
import type { Program } from "./program.ts";

const root = join(import.meta.dirname, "..", "..");
const requirements = join(import.meta.dirname, "requirements.txt");

/**
 * Makes a Python environment, once for each set of requirements, and generates the stubs from the contract, each time. Both are kept under
 * `node_modules/.cache`. Throws if there is no Python, or if it cannot install.
 */
export async function preparePython(): Promise<Program> {
  const cache = join(root, "node_modules", ".cache", "polyglot");
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const environment = join(cache, `python-${hash}`);
  if (!existsSync(join(environment, "ready"))) await createEnvironment(environment);
  const program = join(environment, "bin", "python");
  const stubs = join(cache, "stubs");
  await rm(stubs, { recursive: true, force: true });
  await mkdir(stubs, { recursive: true });
  const includes = ["proto", "third_party/protovalidate", "third_party/googleapis"].flatMap((path) => ["-I", path]);
  const contract = (await readdir(join(root, "proto/execution/v1"))).map((name) => `proto/execution/v1/${name}`);
  const files = [...contract, "third_party/protovalidate/buf/validate/validate.proto"];
  const outputs = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
  await mustRun(program, ["-m", "grpc_tools.protoc", ...includes, ...outputs, ...files], { workingDirectory: root });
  return {
    name: "Python",
    command: program,
    args: [join(import.meta.dirname, "client.py")],
    environment: { PYTHONPATH: stubs, PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf-8" },
  };
}

async function createEnvironment(environment: string): Promise<void> {
  await rm(environment, { recursive: true, force: true });
  await mustRun("python3", ["-m", "venv", environment]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  await mustRun(join(environment, "bin", "python"), pip, { timeoutMs: 300_000 });
  // Written last, so that an installation that broke off is made again.
  await mkdir(join(environment, "ready.part"));
  await rename(join(environment, "ready.part"), join(environment, "ready"));
}
