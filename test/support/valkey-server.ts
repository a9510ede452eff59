import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait.ts";

/** A Valkey or Redis server for a test. */
export interface ValkeyServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the server that is installed on a free port, with nothing in it. */
export async function startValkeyServer(): Promise<ValkeyServer> {
  const directory = await mkdtemp(join(tmpdir(), "ep-valkey-"));
  const port = await freePort();
  const options = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    directory,
  ];
  const child = await startAny(["valkey-server", "redis-server"], options);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await waitFor(() => output.includes("Ready to accept connections"), { what: "the server" });
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function startAny(programs: readonly string[], options: readonly string[]): Promise<ChildProcess> {
  for (const program of programs) {
    const child = spawn(program, options, { stdio: ["ignore", "pipe", "ignore"] });
    const started = await new Promise<boolean>((resolve) => {
      child.once("spawn", () => resolve(true)).once("error", () => resolve(false));
    });
    if (started) return child;
  }
  throw new Error(`none of ${programs.join(", ")} is installed`);
}
