/**
 * Builds `dist/`: the client package as emitted JavaScript with declarations, and the program bundled into a few files,
 * because opening some five hundred modules is the larger half of a start. Nothing happens when `dist/` was built from
 * the same inputs; `--force` builds regardless. `dist/` is replaced as a whole, so it never holds a file whose source is
 * gone, and a failed build leaves the old one in place.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

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

/** What other programs import, and what it stands on. The rest of the emitted JavaScript is in the bundle. */
const emitted = ["client", "contract", "gen"];

/** Loaded by few configurations, and then on first use. */
const external = ["openai", "pg", "undici"];

/**
 * Chunks lie as deep below the project as the sources in `src/*` do, so that paths relative to a module stay right.
 * @type {import("esbuild").BuildOptions}
 */
const bundle = {
  entryPoints: [
    { in: join(root, "src", "main.ts"), out: "main" },
    { in: join(root, "src", "ledger", "stores", "sqlite", "thread.ts"), out: "program/ledger-thread" },
    { in: join(root, "src", "ledger", "stores", "postgres", "thread.ts"), out: "program/ledger-shipper" },
  ],
  outdir: staging,
  chunkNames: "program/[name]-[hash]",
  bundle: true,
  splitting: true,
  external,
  format: "esm",
  platform: "node",
  target: "node24",
  sourcemap: true,
  sourcesContent: false,
  legalComments: "linked",
  logLevel: "warning",
  // CommonJS packages in an ES module still ask for Node's own modules by `require`.
  banner: { js: 'import { createRequire as $require } from "node:module"; const require = $require(import.meta.url);' },
};

/** @param {string} hash */
async function emit(hash) {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "--project", join(root, "tsconfig.build.json"), "--outDir", staging];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) return false;
  for (const { name } of readdirSync(staging, { withFileTypes: true })) {
    if (!emitted.includes(name)) rmSync(join(staging, name), { recursive: true });
  }
  cpSync(join(root, "src", "gen"), join(staging, "gen"), { recursive: true });
  await build(bundle);
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
    if (!(await emit(hash))) process.exitCode = 1;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
