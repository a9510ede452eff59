import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { buildConnector } from "undici";
import { createConnector } from "../../src/adapters/connector.ts";

const SENT_BYTES = 1024 * 1024;
const PIECE_BYTES = 16 * 1024;

let server: Server;
let peers: Socket[];
/** Of either side. */
let opened: Socket[];

beforeEach(async () => {
  peers = [];
  opened = [];
  server = createServer((peer) => {
    peers.push(peer.on("error", () => undefined));
    opened.push(peer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  for (const socket of opened) socket.destroy();
  server.close();
  await once(server, "close");
});

/** A socket as undici gets it, to a peer that has sent it much. */
async function connected(): Promise<Socket> {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  const connect = createConnector(buildConnector, { connectMs: 10_000 });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const accepted = once(server, "connection");
  connect({ hostname: "127.0.0.1", protocol: "http:", port }, (...[error, socket]) =>
    error === null ? resolve(socket) : reject(error),
  );
  const socket = await promise;
  opened.push(socket);
  await accepted;
  peers[0]?.write(Buffer.alloc(SENT_BYTES, "x"));
  // Reads of its own accord until as much waits as its mark allows.
  socket.on("readable", () => undefined);
  while (socket.readableLength <= PIECE_BYTES) await turn();
  return socket;
}

/** Long enough for a read that was asked for to come. */
async function turns(): Promise<void> {
  for (let count = 0; count < 100; count += 1) await turn();
}

describe("what an answer's socket gives", () => {
  // Mutant: `takeInPieces` left out.
  test("is a piece, and nothing more is read while the rest of it waits", async () => {
    const socket = await connected();
    const { bytesRead } = socket;
    expect(socket.read()).toHaveLength(PIECE_BYTES);
    await turns();
    expect(socket.bytesRead).toBe(bytesRead);
  });

  test("comes to its end when it is taken piece by piece", async () => {
    const socket = await connected();
    peers[0]?.end();
    const ended = once(socket, "end");
    let taken = 0;
    const take = (): void => {
      for (let piece = socket.read(); piece !== null; piece = socket.read()) taken += piece.length;
    };
    socket.on("readable", take);
    take();
    await ended;
    expect(taken).toBe(SENT_BYTES);
  });

  // Mutant: pieces whether it is destroyed or not.
  test("is all at once when the connection is gone", async () => {
    const socket = await connected();
    const waiting = socket.readableLength;
    socket.destroy();
    expect(socket.read()).toHaveLength(waiting);
  });
});
