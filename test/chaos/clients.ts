import { request as send } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";

/** A call that runs until it is aborted. */
export interface RunningCall {
  /** Leaves as a client does that is gone: RST_STREAM, or the socket destroyed. */
  abort(): void;
}

/** Calls Chat over gRPC on a raw HTTP/2 session. `read` false never takes a byte of the answer. */
export function callGrpc(session: ClientHttp2Session, model: string, prompt: string, read = true): RunningCall {
  const stream = openGrpc(session, model, prompt);
  if (read) stream.resume();
  return { abort: () => stream.close(constants.NGHTTP2_CANCEL) };
}

/** Calls Chat over gRPC, and resolves with its status: 0 for a success, -1 where there is none. */
export function askGrpc(session: ClientHttp2Session, model: string, prompt: string): Promise<number> {
  const stream = openGrpc(session, model, prompt);
  return new Promise((resolve) => {
    let status = -1;
    const read = (headers: IncomingHttpHeaders): void => {
      if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]);
    };
    stream
      .on("response", read)
      .on("trailers", read)
      .once("close", () => resolve(status));
    stream.resume();
  });
}

function openGrpc(session: ClientHttp2Session, model: string, prompt: string): ClientHttp2Stream {
  const message = toBinary(
    ChatRequestSchema,
    create(ChatRequestSchema, {
      provider: "chaos",
      model,
      messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: prompt } } }] }],
    }),
  );
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  const stream: ClientHttp2Stream = session.request({
    ":method": "POST",
    ":path": "/execution.v1.ExecutionService/Chat",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.end(frame);
  return stream;
}

/** Calls Chat over SSE on a connection of its own, which comes from the address `from` if that is given. */
export function callSse(port: number, model: string, prompt: string, from?: string): RunningCall {
  const body = JSON.stringify({ provider: "chaos", model, messages: [{ role: "user", content: prompt }] });
  const request = send(
    {
      host: "127.0.0.1",
      port,
      path: "/v1/chat",
      method: "POST",
      agent: false,
      ...(from !== undefined && { localAddress: from }),
      headers: { "content-type": "application/json" },
    },
    (response) => {
      response.on("error", () => undefined);
      response.resume();
    },
  );
  request.on("error", () => undefined);
  request.end(body);
  return { abort: () => request.destroy() };
}
