import { request as send } from "node:http";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { type Attack, type AttackOutcome, type AttackTarget, pause } from "./attack.ts";

const BOTH = ["grpc", "http"] as const;

/** A body on a wire: how it is compressed, and its bytes. */
interface Hostile {
  readonly bytes: Buffer;
  readonly gzip?: boolean;
  /** On HTTP: JSON for `/chat`, or protobuf for Connect. */
  readonly format: "json" | "proto";
}

/**
 * Sends bodies on connections that are otherwise above reproach, so many at once; each has to be refused. How many are there at once is what they
 * may take, so it is the bound on memory that says how many large ones there may be.
 */
async function bombard(target: AttackTarget, atOnce: number, hostile: Hostile): Promise<AttackOutcome> {
  let opened = 0;
  let ended = 0;
  const one = async (): Promise<void> => {
    while (target.on() && opened < 500) {
      opened += 1;
      if (await (target.wire === "grpc" ? sendGrpc(target, hostile) : sendHttp(target, hostile))) ended += 1;
      await pause(100);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return { opened, ended };
}

function frame({ bytes, gzip }: Hostile): Buffer {
  const prefix = Buffer.from([gzip === true ? 1 : 0, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

async function sendGrpc({ port, localAddress }: AttackTarget, hostile: Hostile): Promise<boolean> {
  const session = connect(`http://127.0.0.1:${port}`, {
    createConnection: () => connectTcp({ host: "127.0.0.1", port, localAddress }),
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/execution.v1.ExecutionService/Chat",
    "content-type": "application/grpc",
    te: "trailers",
    ...(hostile.gzip === true ? { "grpc-encoding": "gzip" } : {}),
  });
  let status: unknown;
  stream.on("response", (headers) => {
    status = headers["grpc-status"];
  });
  stream.on("error", () => undefined).resume();
  stream.end(frame(hostile));
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  return status !== "0";
}

async function sendHttp({ port, localAddress }: AttackTarget, hostile: Hostile): Promise<boolean> {
  const { format, gzip, bytes } = hostile;
  const json = format === "json";
  const headers = {
    "content-type": json ? "application/json" : "application/connect+proto",
    ...(gzip === true ? { [json ? "content-encoding" : "connect-content-encoding"]: "gzip" } : {}),
  };
  const path = json ? "/chat" : "/execution.v1.ExecutionService/Chat";
  return new Promise((resolve) => {
    const request = send(
      { host: "127.0.0.1", port, localAddress, path, method: "POST", headers, agent: false },
      (response) => {
        response.resume();
        response.on("close", () => resolve(json ? Number(response.statusCode) >= 400 : true));
      },
    );
    request.on("error", () => resolve(true));
    request.end(json ? bytes : frame(hostile));
  });
}

const MIB = 1024 * 1024;

/** Abuse by what a body holds. Each is made when it is used, so that none takes memory while another one runs. */
export const bodyAttacks: readonly Attack[] = [
  {
    name: "gzip bombs",
    mutant: "no ratio, no line before inflation",
    wires: BOTH,
    run: (target) => bombard(target, 2, { bytes: gzipSync(Buffer.alloc(32 * MIB)), gzip: true, format: "json" }),
  },
  {
    name: "nested JSON and protobuf",
    mutant: "no scan before parsing (JSON); protobuf's decoder has a bound of its own",
    wires: BOTH,
    run: (target) =>
      target.wire === "http"
        ? bombard(target, 1, { bytes: Buffer.from("[".repeat(MIB)), format: "json" })
        : bombard(target, 1, { bytes: Buffer.alloc(MIB, 0x0b), format: "proto" }),
  },
  {
    name: "empty submessages",
    mutant: "no scan before decoding",
    wires: BOTH,
    run: (target) => bombard(target, 1, { bytes: Buffer.alloc(MIB, Buffer.from([0x22, 0])), format: "proto" }),
  },
  {
    name: "members by the hundred thousand",
    mutant: "no scan before parsing",
    wires: ["http"],
    run: (target) => {
      const members = Array.from({ length: 100_000 }, (_each, index) => `"${index.toString(36)}":[]`).join(",");
      return bombard(target, 1, {
        bytes: Buffer.from(`{"messages":[{"role":"user","content":"x"}],${members}}`),
        format: "json",
      });
    },
  },
];
