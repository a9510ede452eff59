import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BenchProcess, startProcess } from "./processes.ts";
import { wiresIn } from "./wires/index.ts";

/** Core of what is measured, and core of what measures. */
export const cores = { subject: 0, load: 1 } as const;

/** The working tree. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A gateway under measurement. */
export interface GatewaySubject extends BenchProcess {
  /** Port of the HTTP listener; `port` is the gRPC listener's. */
  readonly httpPort: number;
}

/** Starts the provider that costs little. */
export function startProvider(): Promise<BenchProcess> {
  return startProcess({ script: join(root, "bench/lib/provider.ts"), core: cores.load });
}

/** Starts the floor in front of a provider. */
export function startBytePipe(providerPort: number): Promise<BenchProcess> {
  return startProcess({
    script: join(root, "bench/lib/byte-pipe.ts"),
    args: [String(providerPort)],
    core: cores.subject,
  });
}

/**
 * Starts the gateway that is built in `directory`, with the provider as one instance of each wire it has, named like the wire. Its ledger is in memory, as
 * every commit's can be compared with another's: what a durable one costs is measured by itself, against this.
 */
export async function startGateway(
  providerPort: number,
  directory: string = root,
  ledger: "memory" | "sqlite" = "memory",
): Promise<GatewaySubject> {
  const work = await mkdtemp(join(tmpdir(), "ep-bench-"));
  const file = join(work, "bench.yaml");
  await writeFile(file, configuration(providerPort, directory));
  let httpPort: number | undefined;
  const started = await startProcess({
    script: join(directory, "dist/main.js"),
    args: ["serve"],
    cwd: work,
    env: {
      EP_CONFIG: file,
      EP_GRPC_PORT: "0",
      EP_HTTP_PORT: "0",
      EP_ADMIN_ADDR: "off",
      EP_LEDGER_STORE: ledger,
      EP_LOG_LEVEL: "warn",
    },
    core: cores.subject,
    readPort: (output) => {
      const grpc = /^\s*gRPC\s+\S*?127\.0\.0\.1:(\d+)/im.exec(output)?.[1];
      const http = /^\s*HTTP\s+\S*?127\.0\.0\.1:(\d+)/im.exec(output)?.[1];
      if (grpc === undefined || http === undefined) return undefined;
      httpPort = Number(http);
      return Number(grpc);
    },
  });
  return {
    ...started,
    httpPort: httpPort ?? 0,
    stop: async () => {
      await started.stop();
      await rm(work, { recursive: true, force: true });
    },
  };
}

function configuration(providerPort: number, directory: string): string {
  const instances = wiresIn(directory).map(
    ({ name, basePath }) => `  ${name}: { kind: ${name}, base_url: "http://127.0.0.1:${providerPort}${basePath}" }\n`,
  );
  return `providers:
${instances.join("")}personas:
  default: { candidates: [{ provider: openai, model: burst-1 }] }
`;
}
