import { spawn } from "node:child_process";

/** What a program wrote and how it ended. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** A watchdog. Default 60,000. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. A program that is not there has the status 127. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd: options.workingDirectory,
    env: { ...process.env, ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  }
  // A program that has refused its arguments reads nothing.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ status: 127, stdout: "", stderr: error.message }));
    child.once("close", (status) => resolve({ status: status ?? 137, ...output }));
  });
}

/** Runs a program that must succeed. Throws with what it wrote otherwise. */
export async function mustRun(command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { status, stdout, stderr } = await runCommand(command, args, options);
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${(stderr || stdout).trim().slice(-2000)}`);
  return stdout;
}
