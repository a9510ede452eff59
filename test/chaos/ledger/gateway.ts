import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type BillerWire, WIRES } from "./wires.ts";

/** A gateway in a process of its own. */
export interface KillableGateway {
  readonly httpPort: number;
  /** Ends the process at once, as a crash would. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** What a gateway is started on. */
export interface GatewaySetting {
  /** Has its configuration, and its ledger or spool. */
  readonly directory: string;
  readonly providerUrl: string;
  readonly environment: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Starts a gateway, and waits for its port. */
export async function startGateway(setting: GatewaySetting): Promise<KillableGateway> {
  const child = spawnGateway(setting);
  const httpPort = await portOf(child);
  return {
    httpPort,
    kill: () => kill(child),
  };
}

/** Starts a gateway and kills it while it starts: in the midst, perhaps, of settling what the one before it left open. */
export async function startAndKill(setting: GatewaySetting, afterMs: number): Promise<void> {
  const child = spawnGateway(setting);
  await sleep(afterMs);
  await kill(child);
}

function spawnGateway({ directory, providerUrl, environment }: GatewaySetting): ChildProcess {
  const file = join(directory, "gateway.yaml");
  writeFileSync(
    file,
    `providers:
${WIRES.map((wire) => providerOf(wire, providerUrl)).join("\n")}
personas:
${WIRES.map(({ kind, model }) => `  ${kind}: { retries: 0, candidates: [{ provider: ${kind}, model: ${model} }] }`).join("\n")}
data_dir: data
`,
  );
  return spawn(process.execPath, [join(root, "dist/main.js"), "serve", "--no-watch"], {
    cwd: directory,
    env: {
      ...process.env,
      BILLER_KEY: "a-key-of-the-biller",
      EP_CONFIG: file,
      EP_GRPC_PORT: "0",
      EP_HTTP_PORT: "0",
      EP_ADMIN_ADDR: "off",
      EP_LOG_LEVEL: "error",
      ...environment,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function providerOf({ kind, basePath, billedBy }: BillerWire, url: string): string {
  const address = `base_url: "${url}${basePath}", api_key: { env: BILLER_KEY }`;
  return `  ${kind}: { kind: ${kind}, ${address}, quirks: { ${billedBy} } }`;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const port = /^\s*HTTP\s+\S*?127\.0\.0\.1:(\d+)/im.exec(output)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code} before it was ready:\n${output}`)));
  });
}
