import { Agent, request as send } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { type BenchWire, prompt } from "./wires/wire.ts";

/** A load: some calls at a given concurrency, each checked to be whole. */
export interface Load {
  /** Makes `calls` calls, `concurrency` at a time, of a model. Fails if an answer is not whole. */
  run(model: string, calls: number, concurrency: number): Promise<void>;
  /** Begins calls at an even pace, whether or not those before have ended, and gives the milliseconds from when each was due to its end. Fails as `run` does. */
  offer(model: string, offered: Offered): Promise<readonly number[]>;
  close(): void;
}

/** An open load. */
export interface Offered {
  readonly perSecond: number;
  readonly durationMs: number;
}

/** Load on a gateway's gRPC listener, for the instance of a wire: two connections, messages counted by their frames. */
export function createGrpcLoad(port: number, { name }: BenchWire): Load {
  const sessions = [0, 1].map(() => connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 20 } }));
  for (const session of sessions) session.on("connect", () => session.setLocalWindowSize(16 << 20));
  let next = 0;
  const caller = (model: string): (() => Promise<void>) => {
    const frame = grpcFrame(name, model);
    return () => {
      next += 1;
      const session = sessions[next % sessions.length];
      return session === undefined
        ? Promise.reject(new Error("no session"))
        : grpcCall(session, frame, chunksOf(model));
    };
  };
  return {
    run: (model, calls, concurrency) => repeat(calls, concurrency, caller(model)),
    offer: (model, offered) => offer(offered, caller(model)),
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}

function grpcFrame(provider: string, model: string): Buffer {
  const message = toBinary(
    ChatRequestSchema,
    create(ChatRequestSchema, {
      provider,
      model,
      messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: prompt } } }] }],
    }),
  );
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** One call. Counts frames without decoding them: at least one a chunk must come, and status 0. */
function grpcCall(session: ClientHttp2Session, frame: Buffer, chunks: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/execution.v1.ExecutionService/Chat",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let messages = 0;
    let skip = 0;
    let head: Buffer = Buffer.alloc(0);
    let status: string | undefined;
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
    });
    stream.on("data", (bytes: Buffer) => {
      let data = head.length > 0 ? Buffer.concat([head, bytes]) : bytes;
      head = Buffer.alloc(0);
      while (data.length > 0) {
        if (skip > 0) {
          const taken = Math.min(skip, data.length);
          skip -= taken;
          data = data.subarray(taken);
        } else if (data.length < 5) {
          head = data;
          return;
        } else {
          messages += 1;
          skip = data.readUInt32BE(1);
          data = data.subarray(5);
        }
      }
    });
    stream.on("error", reject);
    stream.on("close", () => {
      if (status === "0" && messages >= chunks) resolve();
      else reject(new Error(`gRPC call ended with status ${status} after ${messages} messages`));
    });
    stream.end(frame);
  });
}

/** Load on a gateway's SSE edge, for the instance of a wire. */
export function createSseLoad(port: number, { name }: BenchWire): Load {
  const bodyOf = (model: string): string =>
    JSON.stringify({ provider: name, model, messages: [{ role: "user", content: prompt }] });
  return createHttpLoad(port, { pathOf: () => "/v1/chat", bodyOf, lastWords: "event: done" });
}

/** Load on an HTTP/1.1 port with keep-alive: the answer must end with the wire's last words. */
export function createHttpLoad(port: number, wire: Pick<BenchWire, "pathOf" | "bodyOf" | "lastWords">): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const caller = (model: string): (() => Promise<void>) => {
    const path = wire.pathOf(model);
    const body = wire.bodyOf(model);
    return () => httpCall(agent, port, path, body, wire.lastWords);
  };
  return {
    run: (model, calls, concurrency) => repeat(calls, concurrency, caller(model)),
    offer: (model, offered) => offer(offered, caller(model)),
    close: () => agent.destroy(),
  };
}

function httpCall(agent: Agent, port: number, path: string, body: string, ending: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = send(
      {
        agent,
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (answer) => {
        let tail = "";
        answer.on("data", (bytes: Buffer) => {
          tail = (tail + bytes.toString("latin1")).slice(-2000);
        });
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200 && tail.includes(ending)) resolve();
          else reject(new Error(`HTTP call ended with ${answer.statusCode}: ${tail.slice(-300)}`));
        });
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

/** Chunks of content a model of the bench provider sends. */
export function chunksOf(model: string): number {
  return Number(/-(\d+)$/.exec(model)?.[1] ?? 1);
}

async function repeat(calls: number, concurrency: number, call: () => Promise<void>): Promise<void> {
  let left = calls;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

async function offer({ perSecond, durationMs }: Offered, call: () => Promise<void>): Promise<readonly number[]> {
  const startedMs = performance.now();
  const timed = async (dueMs: number): Promise<number> => {
    await call();
    return performance.now() - dueMs;
  };
  const calls: Promise<number>[] = [];
  const all = (durationMs * perSecond) / 1000;
  while (calls.length < all) {
    // As many as are due by now: a timer that comes late does not slow the pace down.
    const due = Math.min(all, ((performance.now() - startedMs) * perSecond) / 1000);
    while (calls.length < due) calls.push(timed(startedMs + (calls.length * 1000) / perSecond));
    await delay(1);
  }
  return Promise.all(calls);
}
