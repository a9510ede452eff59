import { PassThrough, Readable } from "node:stream";
import type { CommandContext, Output } from "../../src/cli/context.ts";
import { runCommandLine } from "../../src/cli/program.ts";

/** What a command did. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly stdin?: string;
  /** Whether standard output and error are a terminal. */
  readonly terminal?: boolean;
  readonly stop?: AbortSignal;
}

/** Runs a command line in this process. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const stdout = collector(options.terminal ?? false);
  const stderr = collector(options.terminal ?? false);
  const context: CommandContext = {
    environment: options.environment ?? {},
    workingDirectory: options.workingDirectory ?? import.meta.dirname,
    stdin: Readable.from([options.stdin ?? ""]),
    stdout: stdout.output,
    stderr: stderr.output,
    stop: options.stop ?? new AbortController().signal,
    stopNow: new AbortController().signal,
    onHangUp: () => undefined,
    onUncaught: () => undefined,
    onReady: () => undefined,
  };
  const status = await runCommandLine(args, context);
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(isTTY: boolean): { readonly output: Output; readonly text: () => string } {
  const chunks: string[] = [];
  const stream = new PassThrough({ encoding: "utf8" }).on("data", (chunk: string) => chunks.push(chunk));
  return { output: Object.assign(stream, { isTTY }), text: () => chunks.join("") };
}
