import { request as send } from "node:http";
import { connect } from "node:http2";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type ChatRequest, ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import type { ChaosGateway } from "../gateway.ts";
import type { Finding } from "../scenario.ts";

const LARGEST_BYTES = 16 * 1024 * 1024;

/** A request near the largest there may be, of so many messages. */
function largeRequest(messages: number): ChatRequest {
  const text = "a few words ".repeat(Math.floor((LARGEST_BYTES * 0.95) / messages / 12));
  return create(ChatRequestSchema, {
    messages: Array.from({ length: messages }, (_each, index) => ({
      role: index % 2 === 0 ? MessageRole.USER : MessageRole.ASSISTANT,
      parts: [{ kind: { case: "text" as const, value: { text } } }],
    })),
  });
}

/** Makes the largest calls there may be, which are good ones and are served, and says what the longest turn of each was. Nothing is judged. */
export async function weighLargeCalls(gateway: ChaosGateway): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const messages of [1, 1000, 10_000]) {
    const request = largeRequest(messages);
    const json = Buffer.from(toJsonString(ChatRequestSchema, request));
    const calls = [
      ["gRPC", () => callGrpc(gateway.grpcPort, toBinary(ChatRequestSchema, request))],
      ["JSON", () => callHttp(gateway.httpPort, json)],
    ] as const;
    for (const [name, call] of calls) {
      await gateway.turns();
      const served = await call();
      const { longestMs, cpuMs } = await gateway.turns();
      const size = `16 MiB in ${messages} messages as ${name}`;
      findings.push({
        text: `a good call of ${size}: longest turn ${longestMs.toFixed(1)} of ${cpuMs.toFixed(0)} ms CPU, ${served ? "served" : "refused"}`,
      });
    }
  }
  return findings;
}

async function callGrpc(port: number, message: Uint8Array): Promise<boolean> {
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/execution.v1.ExecutionService/Chat",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  let status: unknown;
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.on("error", () => undefined).resume();
  stream.end(Buffer.concat([prefix, message]));
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  return status === "0";
}

async function callHttp(port: number, body: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const request = send(
      { host: "127.0.0.1", port, path: "/chat", method: "POST", headers, agent: false },
      (response) => response.resume().on("close", () => resolve(response.statusCode === 200)),
    );
    request.on("error", () => resolve(false));
    request.end(body);
  });
}
