import { readFileSync } from "node:fs";
import { Agent, request as send } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";

/** What a call that does not end in this time counts as, in milliseconds. */
const WORST_MS = 5000;

/** The port a caller calls. */
export type Wire = "grpc" | "http";

/** A port of the gateway, or a server beside it that does nothing and shows what the machine alone costs. */
export type Called = Wire | "control";

const CALLED: readonly Called[] = ["grpc", "http", "control"];

/** How long the calls of a while took, in milliseconds, sorted. */
export interface Latencies extends Readonly<Record<Called, readonly number[]>> {
  /** How long the gateway stood in line for a processor while each call of both ports waited. */
  readonly line: readonly number[];
}

/** The ports that are called. */
export interface CalledPorts {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly controlPort: number;
  /** The gateway's process. */
  readonly processId: number;
}

/** Callers that behave. */
export interface Callers {
  /** Calls on both ports as fast as the gateway lets so many at once, for a while. */
  rush(atOnce: number, durationMs: number): Promise<void>;
  /** Gives the calls that were due since the last time it was asked, once they have ended. */
  take(): Promise<Latencies>;
  stop(): Promise<void>;
}

/**
 * Begins so many small Chats a second on each port, whether or not those before have ended (open loop). The time of each is counted from when it
 * was due, so that a gateway that keeps callers waiting cannot hide it; one that fails or takes too long counts as worst.
 */
export function startCallers({ grpcPort, httpPort, controlPort, processId }: CalledPorts, perSecond: number): Callers {
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  session.on("error", () => undefined);
  const agent = new Agent({ keepAlive: true });
  const call = {
    grpc: () => chatGrpc(session),
    http: () => chatHttp(agent, httpPort),
    control: () => chatHttp(agent, controlPort),
  };
  const none = (): Record<Called, Promise<Took>[]> => ({ grpc: [], http: [], control: [] });
  let due = none();
  let stopped = false;
  const startedAt = performance.now();
  const run = async (): Promise<void> => {
    for (let count = 0; !stopped; count += 1) {
      const dueAt = startedAt + (count * 1000) / perSecond;
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      for (const wire of CALLED) due[wire].push(timed(call[wire], dueAt, processId));
    }
  };
  const running = run();
  return {
    rush: async (atOnce, durationMs) => {
      const endsAt = performance.now() + durationMs;
      const one = async (wire: Wire): Promise<void> => {
        while (performance.now() < endsAt) await call[wire]();
      };
      await Promise.all(Array.from({ length: atOnce }, (_each, index) => one(index % 2 === 0 ? "grpc" : "http")));
    },
    take: async () => {
      const taken = due;
      due = none();
      const [grpc, http, control] = await Promise.all([
        Promise.all(taken.grpc),
        Promise.all(taken.http),
        Promise.all(taken.control),
      ]);
      return {
        grpc: sorted(grpc, "totalMs"),
        http: sorted(http, "totalMs"),
        control: sorted(control, "totalMs"),
        line: sorted([...grpc, ...http], "lineMs"),
      };
    },
    stop: async () => {
      stopped = true;
      await running;
      await Promise.all(Object.values(due).flat());
      session.destroy();
      agent.destroy();
    },
  };
}

/** The value that so large a part of sorted ones do not exceed; 0 of none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

/** How long one call took. */
interface Took {
  readonly totalMs: number;
  readonly lineMs: number;
}

function sorted(calls: readonly Took[], by: keyof Took): number[] {
  return calls.map((took) => took[by]).sort((a, b) => a - b);
}

/** How long the main thread of a process has stood in line for a processor in all, in milliseconds; 0 where there is no /proc. */
function inLineMs(processId: number): number {
  try {
    const [, waited] = readFileSync(`/proc/${processId}/task/${processId}/schedstat`, "utf8").split(" ");
    return Number(waited) / 1e6;
  } catch {
    return 0;
  }
}

async function timed(call: () => Promise<boolean>, dueAt: number, processId: number): Promise<Took> {
  const before = inLineMs(processId);
  const late = new AbortController();
  const timeout = sleep(WORST_MS, false, { signal: late.signal, ref: false }).catch(() => false);
  const good = await Promise.race([call().catch(() => false), timeout]);
  late.abort();
  const totalMs = good ? Math.min(WORST_MS, performance.now() - dueAt) : WORST_MS;
  return { totalMs, lineMs: inLineMs(processId) - before };
}

const message = toBinary(
  ChatRequestSchema,
  create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "a few words" } } }] }],
  }),
);

/** The message of a small Chat behind its prefix. */
export const chatFrame: Buffer = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);

async function chatGrpc(session: ClientHttp2Session): Promise<boolean> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/execution.v1.ExecutionService/Chat",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let status: unknown;
  stream.on("response", (headers) => {
    status = headers["grpc-status"];
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.on("error", () => undefined).resume();
  stream.end(chatFrame);
  await new Promise((resolve) => stream.once("close", resolve));
  return status === "0";
}

const body = JSON.stringify({ messages: [{ role: "user", content: "a few words" }] });

async function chatHttp(agent: Agent, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const request = send({ host: "127.0.0.1", port, path: "/chat", method: "POST", headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text = (text + chunk).slice(-500);
      });
      response.on("close", () => resolve(response.complete && text.includes("event: done")));
    });
    request.on("error", () => resolve(false));
    request.end(body);
  });
}
