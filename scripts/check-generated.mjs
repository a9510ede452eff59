/**
 * Fails when the committed `src/gen` is not what `buf generate` makes of the proto files today, naming each file
 * that differs, is missing or has no source any more.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");

/** @param {string} directory */
function readTree(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [relative(directory, path), readFileSync(path)]));
}

/** @param {string} output */
function generateInto(output) {
  const { status } = spawnSync("buf", ["generate", "--output", output], { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error("buf generate failed; its reason is above.");
  return readTree(join(output, "src", "gen"));
}

const output = mkdtempSync(join(tmpdir(), "generated-"));
try {
  const fresh = generateInto(output);
  const committed = readTree(join(root, "src", "gen"));
  const names = [...new Set([...fresh.keys(), ...committed.keys()])].sort();
  const stale = names.filter((name) => !fresh.get(name)?.equals(committed.get(name) ?? Buffer.alloc(0)));
  for (const name of stale) process.stderr.write(`src/gen/${name} is not what the proto files say\n`);
  process.stdout.write(`${names.length - stale.length} of ${names.length} generated files are current\n`);
  if (stale.length > 0) {
    process.stderr.write("Run `npm run generate` and commit the result.\n");
    process.exitCode = 1;
  }
} finally {
  rmSync(output, { recursive: true, force: true });
}
