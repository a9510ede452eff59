import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { CapabilitiesRequestSchema } from "../src/gen/execution/v1/capabilities_pb.js";
import { ChatRequestSchema } from "../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../src/gen/execution/v1/content_pb.js";

// How long a gateway takes from the start of its process to its first answer, and what it holds when idle. Emitted JS, built-in mock, the client
// connects again and again until it may. Times depend on the machine; run it alone: `npm run build && node bench/cold-start.ts`.

const runs = 9;
const idleMs = 3000;
const boundMs = 500;
const boundMegabytes = 130;
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

const text = { kind: { case: "text", value: { text: "Why is the sky blue?" } } } as const;
const calls = {
  Chat: toBinary(
    ChatRequestSchema,
    create(ChatRequestSchema, { messages: [{ role: MessageRole.USER, parts: [text] }] }),
  ),
  Capabilities: toBinary(CapabilitiesRequestSchema, create(CapabilitiesRequestSchema)),
} as const;

interface ColdStart {
  readonly firstAnswerMs: number;
  /** CPU time of the process's main thread until then: what remains of the wait on a machine with nothing else to do. */
  readonly mainThreadMs: number;
  readonly secondAnswerMs: number;
  readonly idleMegabytes: number;
}

async function coldStart(
  method: keyof typeof calls,
  environment: Readonly<Record<string, string>>,
): Promise<ColdStart> {
  const port = await freePort();
  const cwd = await mkdtemp(join(tmpdir(), "ep-cold-"));
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, "serve"], {
    cwd,
    env: {
      ...process.env,
      EP_GRPC_PORT: String(port),
      EP_HTTP_PORT: "0",
      EP_ADMIN_ADDR: "off",
      EP_LOG_LEVEL: "warn",
      ...environment,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    const session = await connected(port, child);
    await answered(session, method);
    const firstAnswerMs = performance.now() - startedAt;
    const mainThreadMs = await mainThreadCpuMs(child);
    const askedAgainAt = performance.now();
    await answered(session, method);
    const secondAnswerMs = performance.now() - askedAgainAt;
    session.close();
    await sleep(idleMs);
    return { firstAnswerMs, mainThreadMs, secondAnswerMs, idleMegabytes: (await rssKilobytes(child)) / 1000 };
  } finally {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    await rm(cwd, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function connected(port: number, child: ChildProcess): Promise<ClientHttp2Session> {
  while (child.exitCode === null) {
    const session = connect(`http://127.0.0.1:${port}`);
    try {
      await once(session, "connect");
      return session;
    } catch {
      session.destroy();
      await sleep(2);
    }
  }
  throw new Error(`the gateway ended with ${child.exitCode}`);
}

/** Resolves once the call has ended with success. */
async function answered(session: ClientHttp2Session, method: keyof typeof calls): Promise<void> {
  const stream = session.request({
    ":method": "POST",
    ":path": `/execution.v1.ExecutionService/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  let status: string | undefined;
  stream.on("trailers", (trailers) => {
    status = String(trailers["grpc-status"]);
  });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(calls[method].length, 1);
  stream.end(Buffer.concat([head, calls[method]]));
  stream.resume();
  await once(stream, "close");
  if (status !== "0") throw new Error(`${method} ended with status ${status}`);
}

async function mainThreadCpuMs(child: ChildProcess): Promise<number> {
  const statistics = await readFile(`/proc/${child.pid}/task/${child.pid}/schedstat`, "utf8");
  return Number(statistics.split(" ")[0]) / 1e6;
}

async function rssKilobytes(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1.024;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

let over = false;
for (const [name, environment, bounded] of [
  ["compile cache", {}, true],
  ["no compile cache", { NODE_DISABLE_COMPILE_CACHE: "1" }, false],
] as const) {
  for (const method of ["Chat", "Capabilities"] as const) {
    // The first start may fill the cache and is not counted.
    await coldStart(method, environment);
    const starts: ColdStart[] = [];
    for (let run = 0; run < runs; run += 1) starts.push(await coldStart(method, environment));
    const first = starts.map(({ firstAnswerMs }) => firstAnswerMs);
    const rss = median(starts.map(({ idleMegabytes }) => idleMegabytes));
    over ||= bounded && (median(first) > boundMs || rss > boundMegabytes);
    console.log(
      `${method}, ${name}: first answer ${median(first).toFixed(0)} ms ` +
        `(${Math.min(...first).toFixed(0)} to ${Math.max(...first).toFixed(0)}), ` +
        `main thread ${median(starts.map(({ mainThreadMs }) => mainThreadMs)).toFixed(0)} ms, second ${median(starts.map(({ secondAnswerMs }) => secondAnswerMs)).toFixed(1)} ms, idle ${rss.toFixed(0)} MB, ${runs} starts`,
    );
  }
}
if (over) console.log(`above the bound of ${boundMs} ms or ${boundMegabytes} MB`);
process.exitCode = over ? 1 : 0;
