import { randomBytes } from "node:crypto";
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
 * Sends bodies on connections that are otherwise above reproach, so many at once; each has to be refused.
 */
async function bombard(target: AttackTarget, atOnce: number, hostile: Hostile): Promise<AttackOutcome> {
  let opened = 0;
  let ended = 0;
  // Made once: it is the gateway that shall be busy with it.
  const bytes = target.wire === "grpc" || hostile.format === "proto" ? frame(hostile) : hostile.bytes;
  const framed = { ...hostile, bytes };
  const one = async (): Promise<void> => {
    // At least one: a body takes time to be made.
    do {
      opened += 1;
      if (await (target.wire === "grpc" ? sendGrpc(target, framed) : sendHttp(target, framed))) ended += 1;
      await pause(50);
    } while (target.on() && opened < 5000);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return { opened, ended };
}

function frame({ bytes, gzip }: Hostile): Buffer {
  const prefix = Buffer.from([gzip === true ? 1 : 0, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Sends what is framed. */
async function sendGrpc({ port, localAddress }: AttackTarget, { bytes, gzip }: Hostile): Promise<boolean> {
  const session = connect(`http://127.0.0.1:${port}`, {
    createConnection: () => connectTcp({ host: "127.0.0.1", port, localAddress }),
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/execution.v1.ExecutionService/Chat",
    "content-type": "application/grpc",
    te: "trailers",
    ...(gzip === true ? { "grpc-encoding": "gzip" } : {}),
  });
  let status: unknown;
  stream.on("response", (headers) => {
    status = headers["grpc-status"];
  });
  stream.on("error", () => undefined).resume();
  stream.end(bytes);
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  return status !== "0";
}

async function sendHttp({ port, localAddress }: AttackTarget, { format, gzip, bytes }: Hostile): Promise<boolean> {
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
    request.end(bytes);
  });
}

const MIB = 1024 * 1024;

/** The largest body there may be. */
const LARGEST_BYTES = 16 * MIB;

/** How many connections send bodies at once on each port. */
const AT_ONCE = 4;

const filled = (piece: string | Uint8Array): Buffer => Buffer.alloc(LARGEST_BYTES, piece);

/** Abuse by what a body holds. Each is made when it is used, so that none takes memory while another one runs. */
export const bodyAttacks: readonly Attack[] = [
  {
    name: "gzip bombs",
    mutant: "no ratio, no line before inflation",
    wires: BOTH,
    run: (target) => bombard(target, 8, { bytes: gzipSync(Buffer.alloc(256 * MIB)), gzip: true, format: "json" }),
  },
  {
    name: "gzip within its ratio",
    mutant: "no line before inflation",
    wires: BOTH,
    run: (target) => {
      // A hundredth of it does not compress.
      const noise = randomBytes(LARGEST_BYTES / 90);
      const bytes = gzipSync(Buffer.concat([noise, Buffer.alloc(LARGEST_BYTES - noise.length)]));
      return bombard(target, AT_ONCE, { bytes, gzip: true, format: "json" });
    },
  },
  {
    name: "nested JSON and protobuf",
    mutant: "no scan before parsing (JSON); protobuf's decoder has a bound of its own",
    wires: BOTH,
    run: (target) =>
      target.wire === "http"
        ? bombard(target, AT_ONCE, { bytes: filled("["), format: "json" })
        : bombard(target, AT_ONCE, { bytes: filled(Buffer.from([0x0b])), format: "proto" }),
  },
  {
    name: "empty submessages",
    mutant: "no scan before decoding",
    wires: BOTH,
    run: (target) => bombard(target, AT_ONCE, { bytes: filled(Buffer.from([0x22, 0])), format: "proto" }),
  },
  {
    name: "numbers that do not end",
    mutant: "not seen red: protobuf's decoder refuses the first",
    wires: BOTH,
    run: (target) => bombard(target, AT_ONCE, { bytes: filled(Buffer.from([0xff])), format: "proto" }),
  },
  {
    name: "members by the million",
    mutant: "no scan before parsing",
    wires: ["http"],
    run: (target) => {
      const members = Array.from({ length: 1_500_000 }, (_each, index) => `"${index.toString(36)}":[]`).join(",");
      return bombard(target, AT_ONCE, {
        bytes: Buffer.from(`{"messages":[{"role":"user","content":"x"}],${members}}`),
        format: "json",
      });
    },
  },
  {
    name: "nothing but space",
    mutant: "scanned in one turn",
    wires: ["http"],
    run: (target) => bombard(target, AT_ONCE, { bytes: filled(" "), format: "json" }),
  },
  {
    name: "nothing but escapes",
    mutant: "scanned in one turn, escapes not counted",
    wires: ["http"],
    run: (target) => {
      const bytes = filled('\\"');
      bytes.write('"', 0);
      return bombard(target, AT_ONCE, { bytes, format: "json" });
    },
  },
];
