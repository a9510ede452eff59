import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";

import { detailsOf, type Failure } from "./client.ts";

/** What came back on one HTTP/2 stream. */
export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Trailers; the headers where there was nothing else. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly failure: Omit<Failure, "message">;
  /** Code the stream was closed with. */
  readonly resetCode: number;
}

/** Runs a test over one bare HTTP/2 connection. */
export async function withSession(port: number, run: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  try {
    await run(session);
  } finally {
    session.destroy();
  }
}

/** The headers of a Chat. */
export const chatHeaders: OutgoingHttpHeaders = {
  ":method": "POST",
  ":path": "/execution.v1.ExecutionService/Chat",
  "content-type": "application/grpc",
  te: "trailers",
};

/** Sends one request as it is, `body` already framed, and waits for its end. With `leaveOpen` the request itself is never ended. */
export async function rawCall(
  session: ClientHttp2Session,
  body: readonly Uint8Array[],
  headers: OutgoingHttpHeaders = {},
  leaveOpen = false,
): Promise<RawAnswer> {
  const stream = session.request({ ...chatHeaders, ...headers });
  let answered: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const chunks: Buffer[] = [];
  stream.on("response", (given) => {
    answered = given;
  });
  stream.on("trailers", (given) => {
    trailers = given;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => {
    stream.on(leaveOpen ? "end" : "close", () => resolve());
  });
  for (const chunk of body) stream.write(chunk);
  if (!leaveOpen) stream.end();
  await closed;
  if (leaveOpen) stream.close();
  const last = trailers ?? answered;
  return {
    headers: answered,
    trailers: last,
    body: Buffer.concat(chunks),
    failure: detailsOf(last),
    resetCode: stream.rstCode ?? 0,
  };
}

/** Puts a message behind its prefix. */
export function frame(message: Uint8Array, flag = 0, size = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(size, 1);
  return Buffer.concat([prefix, message]);
}
