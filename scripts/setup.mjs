/**
 * Makes a checkout runnable: dependencies as locked, the pinned Node in `node_modules/.bin`, and with `--build` the
 * emitted JavaScript in `dist/`. It runs before `npm start`, `npm test` and the like, on whatever Node runs npm
 * (20 is enough) and with no dependency installed, and does nothing when everything is in place.
 *
 * Exit status 1 and one line on stderr when something cannot be brought into place.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const binaries = join(modules, ".bin");
const stampFile = join(modules, ".setup-stamp");
const pinnedNode = join(binaries, process.platform === "win32" ? "node.cmd" : "node");
const pinnedVersion = `v${readJson("package.json").devDependencies.node}`;

/** The environment without our own binaries on the PATH: a broken pinned Node must not be what repairs itself. */
const hostEnvironment = {
  ...process.env,
  PATH: (process.env.PATH ?? "")
    .split(delimiter)
    .filter((entry) => entry !== binaries)
    .join(delimiter),
};

/** @param {string} path relative to the project */
function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** @param {string} line @returns {never} */
function fail(line) {
  say(line);
  process.exit(1);
}

/**
 * Runs npm with the Node that runs this script; npm's output is shown only as the reason of a failure.
 * @param {string[]} args
 */
function npm(args) {
  const cli = process.env.npm_execpath;
  const [command, prefix] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const result = spawnSync(command, [...prefix, ...args, "--loglevel=error"], {
    cwd: root,
    env: hostEnvironment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const reason = `${result.stderr ?? ""}`.trim().split("\n").slice(0, 3).join(" | ");
  return { ok: result.status === 0, reason: reason || String(result.error ?? `exit status ${result.status}`) };
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/** True when every direct dependency is there and npm's own record of the installation fits the lock file. */
function installedAsLocked() {
  if (!existsSync(join(modules, ".package-lock.json"))) return false;
  const { dependencies, devDependencies } = readJson("package.json");
  const direct = Object.keys({ ...dependencies, ...devDependencies });
  if (!direct.every((name) => existsSync(join(modules, name, "package.json")))) return false;
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === lockHash()) return true;
  const installed = readJson("node_modules/.package-lock.json").packages;
  return Object.entries(readJson("package-lock.json").packages).every(([path, wanted]) => {
    if (path === "") return true;
    const found = installed[path];
    return found ? found.version === wanted.version : wanted.optional === true;
  });
}

function installDependencies() {
  say("installing the locked dependencies, including Node itself (up to a minute the first time) ...");
  const startedMs = Date.now();
  const result = npm(["ci", "--include=dev", "--prefer-offline", "--no-audit", "--no-fund"]);
  if (!result.ok) fail(`npm ci failed: ${result.reason}`);
  say(`installed in ${Math.round((Date.now() - startedMs) / 1000)} s`);
}

function pinnedNodeRuns() {
  const result = spawnSync(pinnedNode, ["--version"], { encoding: "utf8" });
  return result.status === 0 && result.stdout.trim() === pinnedVersion;
}

function repairPinnedNode() {
  say(`Node ${pinnedVersion} is missing or does not run; fetching it again ...`);
  rmSync(join(modules, "node", "bin"), { recursive: true, force: true });
  const result = npm(["rebuild", "node", "--prefer-offline"]);
  if (!result.ok) fail(`npm rebuild node failed: ${result.reason}`);
  if (!pinnedNodeRuns()) fail(`Node ${pinnedVersion} does not run on ${process.platform}-${process.arch}.`);
}

function build() {
  const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` };
  const result = spawnSync(pinnedNode, [join(root, "scripts", "build.mjs")], { cwd: root, env, stdio: "inherit" });
  if (result.status !== 0) fail("the build failed; the reason is above.");
}

if (!installedAsLocked()) installDependencies();
if (!pinnedNodeRuns()) repairPinnedNode();
writeFileSync(stampFile, lockHash());
if (process.argv.includes("--build")) build();
