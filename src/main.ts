#!/usr/bin/env node
import { closeSync, openSync } from "node:fs";
import type { CommandContext } from "./cli/context.ts";

// Nothing is imported before the version is known to do: an older Node must end with this line, not with a syntax error somewhere.
const OLDEST_NODE = 24;

/** A terminal and npm both pass Ctrl-C on, so two signals this close together are one wish to stop. Milliseconds. */
const SAME_WISH_MS = 500;

/** How long what runs has to tell its callers that it was interrupted, when the process is asked a second time to stop. Milliseconds. */
const LAST_WORDS_MS = 1_000;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  console.error(
    `execution-platform needs Node ${OLDEST_NODE} or newer and this is ${process.versions.node}; in a checkout, npm start brings its own`,
  );
  process.exitCode = 1;
} else {
  await main();
}

async function main(): Promise<void> {
  const { enableCompileCache, flushCompileCache } = await import("node:module");
  const { fileURLToPath } = await import("node:url");
  enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/execution-platform", import.meta.url)));

  let onUncaught = (thrown: unknown): void => {
    console.error(thrown);
    process.exit(1);
  };
  process.on("uncaughtException", (thrown) => onUncaught(thrown));
  process.on("unhandledRejection", (thrown) => onUncaught(thrown));
  // A reader that went away shows as an output that is no longer writable; it is not a bug.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);

  const { stop, stopNow } = stopOnSignals();
  const hasTerminal = process.stdin.isTTY === true;
  const context: CommandContext = {
    environment: process.env,
    workingDirectory: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    stop: stop.signal,
    stopNow: stopNow.signal,
    onHangUp: (handler) => {
      // The terminal that closes sends the same signal, and nobody would end the process after that.
      process.on("SIGHUP", () => (hasTerminal && !terminalIsThere() ? stop.abort() : handler()));
    },
    onUncaught: (handler) => {
      onUncaught = handler;
    },
    onReady: () => flushCompileCache(),
  };
  const { runCommandLine } = await import("./cli/program.ts");
  const status = await runCommandLine(process.argv.slice(2), context);
  if (stopNow.signal.aborted) process.exit(Number(stopNow.signal.reason));
  process.exitCode = status;
  // Everything is closed by now; should a handle be left, it must not hold the process.
  setTimeout(() => process.exit(), 2000).unref();
}

/** False once the terminal that the process was started from is closed. */
function terminalIsThere(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/** What signals ask for. */
interface Wishes {
  readonly stop: AbortController;
  /** Its reason is the process's exit status. */
  readonly stopNow: AbortController;
}

/** SIGINT and SIGTERM ask to stop, a second time to do so now, which is awaited for a moment, and a third time for nothing but the end. */
function stopOnSignals(): Wishes {
  const stop = new AbortController();
  const stopNow = new AbortController();
  let askedAt = Number.NEGATIVE_INFINITY;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signal, () => {
      if (performance.now() - askedAt <= SAME_WISH_MS) return;
      askedAt = performance.now();
      const status = 128 + number;
      if (!stop.signal.aborted) stop.abort();
      else if (stopNow.signal.aborted) process.exit(status);
      else {
        stopNow.abort(status);
        setTimeout(() => process.exit(status), LAST_WORDS_MS);
      }
    });
  }
  return { stop, stopNow };
}
