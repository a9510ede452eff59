import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { createConnections } from "../../src/server/connections.ts";
import { createPeers } from "../../src/server/peers.ts";
import { waitFor } from "../support/wait.ts";

/** A server of HTTP/2 behind the guard that reads no body before it is told to. */
async function openServer() {
  const locked: string[] = [];
  const monotonicMs = (): number => performance.now();
  const limits = { maxConnectionsPerPeer: 10, trustedPeers: [], lockOutMs: 60_000 };
  const peers = createPeers({ limits, monotonicMs, onLockOut: (_peer, reason) => locked.push(reason) });
  const after = { firstBytesMs: 10_000, handshakeBytes: 0, firstRequestMs: 10_000 };
  const connections = createConnections(peers, after, monotonicMs);
  let begun = 0;
  const read = Promise.withResolvers<void>();
  const server = createServer().on("connection", (socket: Socket) => connections.admit(socket)?.speaksHttp2());
  server.on("stream", (stream: ServerHttp2Stream) => {
    begun += 1;
    stream.on("end", () => {
      stream.respond();
      stream.end();
    });
    read.promise.then(() => stream.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    locked,
    url: `http://127.0.0.1:${port}`,
    begun: () => begun,
    read: () => read.resolve(),
    close: async () => {
      connections.destroyAll();
      connections.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Mutant seen red: what waits is not looked at.
test("a crowd of calls on one connection whose bodies are read late is nothing that belongs to no request", async () => {
  const { locked, url, begun, read, close } = await openServer();
  const session = connect(url);
  session.on("error", () => undefined);
  const calls = Array.from({ length: 80 }, () => session.request({ ":method": "POST" }));
  const ended = calls.map(async (call) => {
    call.on("error", () => undefined).resume();
    await new Promise((resolve) => call.once("close", resolve));
    return call.rstCode;
  });
  try {
    await waitFor(() => begun() === calls.length, { what: "the calls" });
    // What a request may take is granted when it begins; the bodies come once that is over, and then they are looked at a few times.
    await delay(600);
    for (const call of calls) call.end(Buffer.alloc(20_000));
    await delay(900);
    read();
    expect([...new Set(await Promise.all(ended)), ...locked]).toEqual([0]);
  } finally {
    session.destroy();
    await close();
  }
});
