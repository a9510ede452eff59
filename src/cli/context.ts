import type { Readable } from "node:stream";

/** A stream the command line writes to. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** What a command gets of the process it runs in. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Fires when the process is asked to stop, by SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
  /** Fires when it is asked to a second time: the process ends soon, whatever still runs. */
  readonly stopNow: AbortSignal;
  /** Lets a command take SIGHUP for a wish to read its configuration anew. Without it SIGHUP ends the process. */
  readonly onHangUp: (handler: () => void) => void;
  /** Lets a command that must live on take errors that nobody caught. Without it such an error ends the process. */
  readonly onUncaught: (handler: (thrown: unknown) => void) => void;
  /** Says that a server has loaded what it serves with. */
  readonly onReady: () => void;
}

/** A failure whose message is all the user needs to see. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Nobody reads the output any more, so that there is nothing left to do. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/** Writes text and waits while the reader is slower than we are. Throws an OutputClosedError once the reader is gone. */
export async function write(output: Output, text: string): Promise<void> {
  if (!output.writable) throw new OutputClosedError("nobody reads the output");
  if (text === "" || output.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      output.off("drain", done);
      output.off("close", done);
      resolve();
    };
    output.on("drain", done);
    output.on("close", done);
  });
}

/** Text as it may go to this output: a terminal gets no control characters but line breaks and tabs, since models do not own it. */
export function printable(output: Output, text: string): string {
  return output.isTTY === true ? text.replace(/(?![\n\t])\p{Cc}/gu, "") : text;
}

/** Text in grey on a terminal. */
export function dim(output: Output, text: string): string {
  return output.isTTY === true ? `\u001b[2m${printable(output, text)}\u001b[22m` : text;
}
