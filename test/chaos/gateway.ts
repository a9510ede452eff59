import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Memory of a process, in bytes. */
export interface Memory {
  /** On the heap and in buffers, garbage excluded. */
  readonly heldBytes: number;
  /** Resident, as the kernel counts it: with what the heap keeps for later. */
  readonly rssBytes: number;
}

/** How a gateway's event loop went for a while. Times are of CPU, not of the clock. */
export interface Turns {
  /** The longest single turn, in milliseconds. */
  readonly longestMs: number;
  readonly turns: number;
  /** All turns together. */
  readonly cpuMs: number;
}

/** A gateway in a process of its own, on emitted JS. */
export interface ChaosGateway {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly processId: number;
  /** What the process holds once garbage is collected. */
  memory(): Promise<Memory>;
  /** How its event loop went since the last time this was asked. */
  turns(): Promise<Turns>;
  /** True while the process lives. */
  alive(): boolean;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Starts `serve` with the emulator at `baseUrl` as its provider `chaos`, and waits for its ports. */
export async function startGateway(baseUrl: string): Promise<ChaosGateway> {
  return startConfigured(`providers:
  chaos: { kind: openai, base_url: "${baseUrl}/v1" }
personas:
  default: { candidates: [{ provider: chaos, model: any }] }
`);
}

/** Starts `serve` with a configuration file, and waits for its ports. */
export async function startConfigured(configuration: string): Promise<ChaosGateway> {
  const work = await mkdtemp(join(tmpdir(), "ep-chaos-"));
  const file = join(work, "chaos.yaml");
  await writeFile(file, configuration);
  const reporters = ["report-memory.ts", "report-turns.ts"].flatMap((name) => [
    "--import",
    join(import.meta.dirname, name),
  ]);
  // V8 keeps the pages of its heap that are free for at least 8 s, and gives them back by a later collection; glibc keeps what large bodies were in. Both would look
  // like memory that is held: they are told to give it back, as docs/operations.md says.
  const options = ["--expose-gc", "--memory-pool-timeout=0", ...reporters];
  const child = spawn(process.execPath, [...options, join(root, "dist/main.js"), "serve"], {
    cwd: work,
    env: {
      ...process.env,
      MALLOC_MMAP_THRESHOLD_: "65536",
      EP_CONFIG: file,
      EP_GRPC_PORT: "0",
      EP_HTTP_PORT: "0",
      EP_ADMIN_ADDR: "off",
      EP_LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const { grpcPort, httpPort } = await ports(child);
  /** One question at a time: answers have no names. */
  const ask = async (question: "memory" | "turns"): Promise<unknown> => {
    const answer = once(child, "message");
    child.send(question);
    const [value] = await answer;
    return value;
  };
  return {
    grpcPort,
    httpPort,
    processId: child.pid ?? 0,
    memory: async () => (await ask("memory")) as Memory,
    turns: async () => (await ask("turns")) as Turns,
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

function ports(child: ChildProcess): Promise<{ readonly grpcPort: number; readonly httpPort: number }> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      output += bytes.toString("utf8");
      const grpc = /^\s*gRPC\s+\S*?127\.0\.0\.1:(\d+)/im.exec(output)?.[1];
      const http = /^\s*HTTP\s+\S*?127\.0\.0\.1:(\d+)/im.exec(output)?.[1];
      if (grpc !== undefined && http !== undefined) resolve({ grpcPort: Number(grpc), httpPort: Number(http) });
    });
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code} before it was ready:\n${output}`)));
  });
}
