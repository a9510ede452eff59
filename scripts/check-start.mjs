/**
 * Does what a new user does: clones the last commit into an empty folder, runs `npm start` there with the machine's own
 * Node, runs each `curl` and `buf curl` line that the banner prints, and stops the server. Fails when a line does not
 * answer, when the server does not end by itself, or when anything still listens afterwards.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..");
const installMs = 240_000;
const answerMs = 15_000;
const stopMs = 20_000;

/** The environment of a fresh shell: nothing that npm added for this script, no binary of this checkout. */
function freshEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE$|INIT_CWD$|EP_)/.test(name));
  const path = (process.env.PATH ?? "").split(delimiter).filter((entry) => !/node_modules|node-gyp-bin/.test(entry));
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(delimiter),
    EP_GRPC_PORT: "0",
    EP_HTTP_PORT: "0",
    EP_ADMIN_ADDR: "127.0.0.1:0",
  };
}

/** @param {string} text the banner so far; a command may go on over lines that end in a backslash */
function commandsIn(text) {
  return text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*[$>]?\s*/, ""))
    .filter((line) => /^(curl|(npx )?buf curl) /.test(line));
}

/** @param {string} command @param {string} directory @param {NodeJS.ProcessEnv} env */
function run(command, directory, env) {
  const options = { cwd: directory, env, encoding: /** @type {const} */ ("utf8"), timeout: answerMs };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], options);
  return { answered: status === 0 && stdout.trim() !== "", stdout, stderr };
}

/**
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} server
 * @returns {Promise<readonly string[]>} the commands of the banner
 */
async function readBanner(server) {
  let text = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
    });
  }
  const deadline = Date.now() + installMs;
  while (Date.now() < deadline && server.exitCode === null) {
    const commands = commandsIn(text);
    if (commands.some((line) => line.startsWith("curl")) && commands.some((line) => line.includes("buf curl"))) {
      await sleep(200);
      return commandsIn(text);
    }
    await sleep(50);
  }
  throw new Error(`npm start printed no curl and buf curl lines (exit status ${server.exitCode})`);
}

/** @param {string} directory */
async function checkStart(directory) {
  const env = freshEnvironment();
  const clone = spawnSync("git", ["clone", "--quiet", "--local", root, directory], { stdio: "inherit" });
  if (clone.status !== 0) throw new Error("git clone failed");
  const startedMs = Date.now();
  // A process group of its own, so that whatever outlives npm can be found and ended.
  const server = spawn("npm", ["start"], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const ended = once(server, "exit");
  try {
    const commands = await readBanner(server);
    process.stdout.write(`\nserving ${((Date.now() - startedMs) / 1000).toFixed(1)} s after npm start\n`);
    for (const command of commands) {
      const { answered, stdout, stderr } = run(command, directory, env);
      process.stdout.write(`${answered ? "works" : "FAILS"}: ${command}\n${stdout}\n`);
      if (!answered) throw new Error(`the printed line does not work: ${stderr.trim() || "no answer"}`);
    }
    server.kill("SIGTERM");
    const stopped = await Promise.race([ended, sleep(stopMs, undefined, { ref: false })]);
    if (stopped === undefined) throw new Error(`npm start still runs ${stopMs / 1000} s after SIGTERM`);
    process.stdout.write(`stopped on SIGTERM with ${stopped.filter((part) => part !== null).join(" ")}\n`);
    const [first] = commands.filter((command) => command.startsWith("curl"));
    if (first !== undefined && run(first, directory, env).answered) throw new Error("the server outlived npm start");
  } finally {
    endGroup(server.pid);
  }
}

/** @param {number | undefined} group */
function endGroup(group) {
  try {
    if (group !== undefined) process.kill(-group, "SIGKILL");
  } catch {
    // Nothing of it is left, which is what should be.
  }
}

const directory = mkdtempSync(join(tmpdir(), "fresh-clone-"));
try {
  await checkStart(directory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
