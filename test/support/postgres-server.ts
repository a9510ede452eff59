import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSettings } from "../../src/ledger/stores/postgres/database.ts";
import type { TestCertificate } from "./certificate.ts";
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

/** How a cluster is set up. */
export interface PostgresServerOptions {
  /** As on the command line: `-c`, `name=value` ... */
  readonly options?: readonly string[];
  /** Directory below which its own is made. Default: that for temporary files. */
  readonly parent?: string;
  /** With it TLS is spoken to whoever wants it. */
  readonly tls?: TestCertificate;
}

/** Makes a cluster in a directory of its own, and starts it on a free port. */
export async function startPostgresServer(setUp: PostgresServerOptions = {}): Promise<PostgresServer> {
  const { options = [], parent = tmpdir(), tls } = setUp;
  const directory = mkdtempSync(join(parent, "ep-postgres-"));
  const owner = serverUser();
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  const data = join(directory, "data");
  const write = (path: string, content: string): void => {
    writeFileSync(path, content, { mode: 0o600 });
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  };
  const passwordFile = join(directory, "password");
  write(passwordFile, PASSWORD);
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
  if (tls !== undefined) {
    write(join(data, "server.crt"), tls.certificate);
    write(join(data, "server.key"), tls.key);
  }
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
      const all = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"].concat(
        tls === undefined ? [] : ["-c", "ssl=on"],
        options,
      );
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
