import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./wait.ts";

const main = join(import.meta.dirname, "..", "..", "src", "main.ts");

/** How a program of ours ended, or runs. */
export interface Program {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Its exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** How a program is started. */
export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Options of Node itself, before the program. */
  readonly nodeOptions?: readonly string[];
  /** The program itself. Default: the sources' entry point. */
  readonly main?: string;
}

/** Starts the command line in a process of its own. Variables of this process that configure a gateway are not passed on. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(EP_|EXECUTION_PLATFORM_|NODE_OPTIONS)/.test(name),
  );
  // Where a test names no directory nothing may be written.
  const ledger = options.workingDirectory === undefined ? { EP_LEDGER_STORE: "memory" } : {};
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.main ?? main, ...args], {
    cwd: options.workingDirectory ?? import.meta.dirname,
    env: { ...Object.fromEntries(inherited), ...ledger, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  }
  const ended = once(child, "close").then(([status, signal]): number | string => status ?? signal);
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, ended };
}

/** A gateway in a process of its own. */
export interface ServeProcess extends Program {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** Of the admin listener. Throws if that is off. */
  readonly adminUrl: string;
  /** Ends it, if it still runs. */
  stop(): Promise<void>;
}

/** Starts `serve` on free ports in an empty working directory, and waits for its banner. */
export async function startServe(
  options: ProgramOptions & { readonly args?: readonly string[] } = {},
): Promise<ServeProcess> {
  const workingDirectory = await mkdtemp(join(tmpdir(), "ep-serve-"));
  const environment = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0", EP_ADMIN_ADDR: "127.0.0.1:0", ...options.environment };
  const program = startProgram(["serve", ...(options.args ?? [])], { workingDirectory, ...options, environment });
  const ready = Promise.withResolvers<void>();
  program.child.stdout?.on("data", () => {
    if (program.stdout().includes("start again")) ready.resolve();
  });
  program.ended.then(
    (status) => ready.reject(new Error(`serve ended with ${status}: ${program.stderr()}`)),
    ready.reject,
  );
  const stop = async (): Promise<void> => {
    program.child.kill("SIGKILL");
    await program.ended;
    await rm(workingDirectory, { recursive: true, force: true });
  };
  try {
    await within(ready.promise, { what: "the banner", timeoutMs: 25_000 });
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    ...{ ...program, grpcUrl: urlOf(program, "gRPC"), httpUrl: urlOf(program, "HTTP"), stop },
    get adminUrl() {
      return urlOf(program, "admin");
    },
  };
}

function urlOf(program: Program, listener: string): string {
  const url = new RegExp(`^ *${listener} +(\\S+)`, "m").exec(program.stdout())?.[1];
  if (url === undefined) throw new Error(`the banner names no ${listener} URL:\n${program.stdout()}`);
  return url;
}
