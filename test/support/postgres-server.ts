import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSettings } from "../../src/ledger/stores/postgres/database.ts";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait.ts";

/** A PostgreSQL cluster for a test. */
export interface PostgresServer {
  readonly port: number;
  /** How its superuser speaks to one of its databases, in the clear. */
  settings(database: string): DatabaseSettings;
  /** Runs statements by `psql`, and gives what it prints: a line a row. */
  psql(database: string, statements: string): string;
  /** Starts it again, after it was killed. */
  start(): Promise<void>;
  isRunning(): boolean;
  /** Kills all of its processes at once. */
  kill(): Promise<void>;
  /** All of its processes stand still, until `resume`. */
  stall(): void;
  resume(): void;
  /** Kills it and takes it away. */
  stop(): Promise<void>;
}

const USER = "ledger";
const PASSWORD = "for-tests-only";

/** Makes a cluster in a directory of its own, or below `parent`, and starts it on a free port with these settings. */
export async function startPostgresServer(options: readonly string[] = [], parent = tmpdir()): Promise<PostgresServer> {
  const directory = mkdtempSync(join(parent, "ep-postgres-"));
  const owner = serverUser();
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, PASSWORD);
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  execFileSync(
    programPath("initdb"),
    [
      "-D",
      data,
      "-U",
      USER,
      "--pwfile",
      passwordFile,
      "--auth=scram-sha-256",
      "--no-sync",
      "--wal-segsize=1",
      "-E",
      "UTF8",
      "--locale=C",
    ],
    { ...owner, cwd: directory, stdio: ["ignore", "ignore", "pipe"] },
  );
  const port = await freePort();
  let child: ChildProcess | undefined;
  const settings = (database: string): DatabaseSettings => ({
    host: "127.0.0.1",
    port,
    user: USER,
    password: PASSWORD,
    database,
    tls: "off",
  });
  const psql = (database: string, statements: string): string =>
    execFileSync(
      programPath("psql"),
      [
        "-X",
        "-A",
        "-t",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-p",
        String(port),
        "-U",
        USER,
        "-d",
        database,
      ],
      { input: statements, encoding: "utf8", env: { PGPASSWORD: PASSWORD, PGCONNECT_TIMEOUT: "5" } },
    ).trim();
  const isRunning = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (child?.pid === undefined || !isRunning()) return;
    for (const pid of [child.pid, ...childrenOf(child.pid)]) signalIfThere(pid, name);
  };
  const server: PostgresServer = {
    port,
    settings,
    psql,
    isRunning,
    start: async () => {
      let output = "";
      const all = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", ...options];
      const started = spawn(programPath("postgres"), ["-D", data, "-p", String(port), ...all], {
        ...owner,
        cwd: directory,
        stdio: ["ignore", "ignore", "pipe"],
      });
      started.stderr?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      child = started;
      await waitFor(() => output.includes("ready to accept connections") || !isRunning(), { what: "the server" });
      if (!isRunning()) throw new Error(`the server did not start: ${output}`);
    },
    kill: async () => {
      if (child === undefined || !isRunning()) return;
      const ended = once(child, "exit");
      signal("SIGKILL");
      await ended;
    },
    stall: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    stop: async () => {
      await server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Where a program of PostgreSQL's is: Debian keeps those of the server out of the path. */
function programPath(name: string): string {
  const places = "/usr/lib/postgresql";
  const versions = existsSync(places) ? readdirSync(places).sort((one, other) => Number(other) - Number(one)) : [];
  return versions.map((version) => join(places, version, "bin", name)).find((path) => existsSync(path)) ?? name;
}

/** The server refuses to be run by root; then some other user does. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const line = users.find((user) => user.startsWith("postgres:")) ?? users.find((user) => user.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** The processes that a process has started, which for PostgreSQL are all there are. */
function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
