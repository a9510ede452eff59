import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** A process under measurement, or one that helps to measure. */
export interface BenchProcess {
  readonly port: number;
  /** CPU time the process has used since it began, user and system, in microseconds, by its own accounting. */
  cpuMicros(): Promise<number>;
  /** Resident memory in bytes. */
  rssBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** How to start a process. It must send `{ port }` over IPC, or print `PORT_LABEL` lines that `readPort` finds. */
export interface StartOptions {
  readonly script: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Core to pin to; ignored where there is one core only or no taskset. */
  readonly core: number;
  /** Finds the port in what the process prints; absent: it says so by IPC. */
  readonly readPort?: (output: string) => number | undefined;
}

const reporter = fileURLToPath(new URL("./report.ts", import.meta.url));

/** True if processes can be pinned to cores here. */
export const canPin: boolean = availableParallelism() > 1 && hasTaskset();

/** Pins the running process. */
export function pinSelf(core: number): void {
  if (canPin) execFileSync("taskset", ["-cp", String(core), String(process.pid)], { stdio: "ignore" });
}

/** Starts a Node process and resolves once its port is known. */
export async function startProcess(options: StartOptions): Promise<BenchProcess> {
  const command = ["--import", reporter, options.script, ...(options.args ?? [])];
  const [file, args] = canPin
    ? ["taskset", ["-c", String(options.core), process.execPath, ...command]]
    : [process.execPath, command];
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const port = await portOf(child, options);
  return {
    port,
    cpuMicros: async () => (await ask(child)).cpuMicros,
    rssBytes: async () => (await ask(child)).rssBytes,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function portOf(child: ChildProcess, { readPort, script }: StartOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      if (readPort === undefined) return;
      output += bytes.toString("utf8");
      const port = readPort(output);
      if (port !== undefined) resolve(port);
    });
    child.on("message", (message: { readonly port?: number }) => {
      if (message.port !== undefined) resolve(message.port);
    });
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code} before it was ready:\n${output}`)));
  });
}

interface Report {
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

function ask(child: ChildProcess): Promise<Report> {
  return new Promise((resolve) => {
    const onMessage = (message: Partial<Report>): void => {
      if (message.cpuMicros === undefined || message.rssBytes === undefined) return;
      child.off("message", onMessage);
      resolve({ cpuMicros: message.cpuMicros, rssBytes: message.rssBytes });
    };
    child.on("message", onMessage);
    child.send("report");
  });
}

function hasTaskset(): boolean {
  try {
    execFileSync("taskset", ["-p", String(process.pid)], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
