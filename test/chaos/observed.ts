import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "./observe.ts";

/** A gateway in a process of its own, whose inside can be looked at. It runs from the sources, since the bundle shows nothing of it. */
export interface ObservedGateway {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** What the process is and holds now; with `collect` once its garbage is collected. */
  observe(how?: "collect"): Promise<Observation>;
  /** True while the process lives. */
  alive(): boolean;
  stop(): Promise<void>;
}

/** Starts a gateway with a configuration file, and waits for its ports. */
export async function startObserved(configuration: string): Promise<ObservedGateway> {
  const work = await mkdtemp(join(tmpdir(), "ep-observed-"));
  const file = join(work, "chaos.yaml");
  await writeFile(file, configuration);
  const child = spawn(process.execPath, ["--expose-gc", join(import.meta.dirname, "observe.ts")], {
    cwd: work,
    env: {
      ...process.env,
      EP_CONFIG: file,
      EP_GRPC_PORT: "0",
      EP_HTTP_PORT: "0",
      EP_ADMIN_ADDR: "127.0.0.1:0",
      EP_LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const { grpcPort, httpPort } = await answer<{ readonly grpcPort: number; readonly httpPort: number }>(child);
  return {
    grpcPort,
    httpPort,
    observe: (how) => {
      child.send(how ?? "now");
      return answer<Observation>(child);
    },
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** The next message of a child. Rejects if it ends before. */
async function answer<Message>(child: ChildProcess): Promise<Message> {
  const over = new AbortController();
  const ended = once(child, "exit", { signal: over.signal }).then(([code]) => {
    throw new Error(`the gateway ended with ${code}`);
  });
  ended.catch(() => undefined);
  try {
    const [message] = await Promise.race([once(child, "message", { signal: over.signal }), ended]);
    return message as Message;
  } finally {
    over.abort();
  }
}
