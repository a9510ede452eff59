/**
 * Emits `src/` as JavaScript and declarations into `dist/` and copies the generated code beside it. Nothing happens
 * when `dist/` was built from the same inputs; `--force` builds regardless. `dist/` is replaced as a whole, so it
 * never holds a file whose source is gone, and a failed build leaves the old one in place.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const staging = join(root, `dist.${process.pid}.tmp`);
const stampName = ".build-stamp";
const configuration = ["package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"];

function sources() {
  return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function inputHash() {
  const hash = createHash("sha256");
  for (const path of [...sources(), ...configuration.map((name) => join(root, name))]) {
    hash.update(path.slice(root.length)).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

/** @param {string} hash */
function emit(hash) {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "--project", join(root, "tsconfig.build.json"), "--outDir", staging];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) return false;
  cpSync(join(root, "src", "gen"), join(staging, "gen"), { recursive: true });
  chmodSync(join(staging, "main.js"), 0o755);
  writeFileSync(join(staging, stampName), hash);
  rmSync(dist, { recursive: true, force: true });
  renameSync(staging, dist);
  return true;
}

const hash = inputHash();
const stamp = join(dist, stampName);
const current = existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
if (!current || process.argv.includes("--force")) {
  try {
    if (!emit(hash)) process.exitCode = 1;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
