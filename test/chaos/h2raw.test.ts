import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { waitFor } from "../support/wait.ts";
import * as h2 from "./h2raw.ts";

/** What Node's server made of what was sent. */
interface Heard {
  readonly headers: IncomingHttpHeaders[];
  readonly bodies: string[];
  readonly resets: number[];
  readonly pings: string[];
  session(): ServerHttp2Session | undefined;
}

const request = h2.block({ ":method": "POST", ":scheme": "http", ":path": "/echo", ":authority": "localhost" });

async function withServer(run: (port: number, heard: Heard) => Promise<void>): Promise<void> {
  let session: ServerHttp2Session | undefined;
  const heard: Heard = { headers: [], bodies: [], resets: [], pings: [], session: () => session };
  const server: Http2Server = createServer({ maxHeaderListPairs: 1000 });
  server.on("session", (opened) => {
    session = opened;
    opened.on("error", () => undefined).on("ping", (payload: Buffer) => heard.pings.push(payload.toString()));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    heard.headers.push(headers);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("aborted", () => heard.resets.push(stream.rstCode ?? -1));
    stream.on("end", () => {
      heard.bodies.push(Buffer.concat(chunks).toString());
      stream.respond({ ":status": 200 });
      stream.end(`you said ${Buffer.concat(chunks).toString()}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await run((server.address() as AddressInfo).port, heard);
  } finally {
    session?.destroy();
    server.close();
    await once(server, "close");
  }
}

async function open(port: number, ...values: readonly h2.Setting[]): Promise<h2.RawHttp2> {
  const raw = await h2.connectRaw({ port });
  raw.send(h2.PREFACE, h2.settings(...values), h2.settingsAck());
  return raw;
}

test("sends a request and reads its answer, frame by frame", async () => {
  await withServer(async (port, { headers, bodies }) => {
    const raw = await open(port);
    raw.send(h2.headers(1, request), h2.data(1, Buffer.from("he")), h2.data(1, Buffer.from("llo"), h2.FLAG.endStream));
    await raw.frame(
      ({ flags, type }) => type === h2.FRAME.data && (flags & h2.FLAG.endStream) !== 0,
      "the answer's end",
    );
    expect(bodies).toEqual(["hello"]);
    expect(headers[0]).toMatchObject({ ":method": "POST", ":path": "/echo", ":authority": "localhost" });
    const answer = raw.frames.filter(({ type, streamId }) => type === h2.FRAME.data && streamId === 1);
    expect(Buffer.concat(answer.map(({ payload }) => payload)).toString()).toBe("you said hello");
    expect(raw.frames.some(({ type, flags }) => type === h2.FRAME.settings && flags === h2.FLAG.ack)).toBe(true);
    raw.destroy();
    await raw.gone;
  });
});

test("splits a header block over CONTINUATION, and repeats a field by its index", async () => {
  await withServer(async (port, { headers }) => {
    const raw = await open(port);
    const repeated = Array.from({ length: 300 }, () => h2.indexed(62));
    const fields = Buffer.concat([request, h2.literal("x-a", "v".repeat(200), true), ...repeated]);
    raw.send(
      h2.headers(1, fields.subarray(0, 50), h2.FLAG.endStream),
      h2.continuation(1, fields.subarray(50, 120)),
      h2.continuation(1, fields.subarray(120), h2.FLAG.endHeaders),
    );
    await raw.frame(({ type }) => type === h2.FRAME.data, "the answer");
    expect(headers[0]?.["x-a"]).toBe(Array.from({ length: 301 }, () => "v".repeat(200)).join(", "));
    raw.destroy();
    await raw.gone;
  });
});

test("resets, pings, opens windows, sets priorities and says goodbye", async () => {
  await withServer(async (port, { resets, pings, headers }) => {
    const raw = await open(port, [h2.SETTING.initialWindowSize, 3]);
    raw.send(h2.headers(1, request), h2.priority(1), h2.ping(Buffer.from("pingpong")));
    await raw.frame(({ type, flags }) => type === h2.FRAME.ping && flags === h2.FLAG.ack, "the ping's answer");
    await waitFor(() => headers.length === 1, { what: "the request" });
    raw.send(h2.reset(1, 7));
    await waitFor(() => resets.length === 1, { what: "the reset" });
    expect({ resets, pings }).toEqual({ resets: [7], pings: ["pingpong"] });
    raw.send(h2.headers(3, request, h2.FLAG.endHeaders | h2.FLAG.endStream));
    const first = await raw.frame(
      ({ type, streamId }) => type === h2.FRAME.data && streamId === 3,
      "what fits in the window",
    );
    expect(first.payload.toString()).toBe("you");
    raw.send(h2.windowUpdate(3, 100));
    const end = (each: h2.RawFrame): boolean =>
      each.streamId === 3 && each.type === h2.FRAME.data && each.flags === h2.FLAG.endStream;
    await raw.frame(end, "the rest");
    raw.send(h2.goaway());
    await raw.gone;
  });
});

test("breaks the rules if it is told to, and says so if the peer hangs up", async () => {
  await withServer(async (port) => {
    const raw = await open(port);
    raw.send(h2.data(0, Buffer.from("x")));
    const goodbye = await raw.frame(({ type }) => type === h2.FRAME.goaway, "a goodbye");
    expect(goodbye.payload.readUInt32BE(4)).toBe(1); // PROTOCOL_ERROR
    await raw.gone;
    await expect(raw.frame(({ type }) => type === 99, "a frame there is not")).rejects.toThrow(
      /ended without a frame there is not/,
    );
    expect(raw.send(h2.ping())).toBe(false);
  });
});

test.each([
  [0, 5, [0]],
  [10, 5, [10]],
  [31, 5, [31, 0]],
  [1337, 5, [31, 154, 10]],
  [42, 8, [42]],
])("writes the integer %i with %i bits as RFC 7541 has it", (value, bits, bytes) => {
  expect([...h2.hpackInteger(value, bits)]).toEqual(bytes);
});

test("reads frames however they are cut", () => {
  const bytes = Buffer.concat([
    h2.ping(),
    h2.settings([h2.SETTING.maxFrameSize, 16_384]),
    h2.data(5, Buffer.from("abc"), 1),
  ]);
  for (let size = 1; size <= bytes.length; size += 1) {
    const frames: h2.RawFrame[] = [];
    const read = h2.createFrameReader((each) => frames.push(each));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(frames.map(({ type, flags, streamId }) => [type, flags, streamId])).toEqual([
      [6, 0, 0],
      [4, 0, 0],
      [0, 1, 5],
    ]);
  }
});
