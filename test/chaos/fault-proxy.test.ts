import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { expect, test } from "@jest/globals";
import { createRandom, runSeed } from "../emulators/random.ts";
import { createCertificate } from "../support/certificate.ts";
import { waitFor, within } from "../support/wait.ts";
import { createFaultProxy, type FaultPlan, type FaultProxy } from "./fault-proxy.ts";

const seed = runSeed();
const named = (text: string): string => `${text} (EP_TEST_SEED=${seed})`;
const body = Buffer.from(
  Uint8Array.from(
    { length: 50_000 },
    (
      (random) => () =>
        Math.floor(random() * 256)
    )(createRandom(7)),
  ),
);

/** How an exchange through the proxy looked from the client. */
interface Seen {
  readonly received: Buffer;
  /** Pieces in which it came. */
  readonly pieces: number;
  readonly ending: "end" | "reset" | "silence";
  readonly tookMs: number;
}

/** Sends `body` to a server that sends everything back, and reads until the end, or until nothing comes for `silentMs`. */
async function exchange(proxy: FaultProxy, silentMs = 10_000): Promise<Seen> {
  const socket = connect(proxy.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  const startedAt = performance.now();
  const done = Promise.withResolvers<Seen["ending"]>();
  let silent = setTimeout(() => done.resolve("silence"), silentMs);
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    clearTimeout(silent);
    silent = setTimeout(() => done.resolve("silence"), silentMs);
  });
  socket.on("end", () => done.resolve("end"));
  socket.on("error", () => done.resolve("reset"));
  socket.end(body);
  const ending = await within(done.promise, { what: "the end of the exchange", timeoutMs: 20_000 });
  clearTimeout(silent);
  socket.destroy();
  const received = Buffer.concat(chunks);
  return { received, pieces: chunks.length, ending, tookMs: performance.now() - startedAt };
}

/** Runs a test against a proxy in front of a server that echoes, and what the server received. */
async function withProxy(
  plan: FaultPlan | ((connection: number) => FaultPlan),
  run: (proxy: FaultProxy, server: { received(): Buffer; connections(): number }) => Promise<void>,
): Promise<void> {
  const received: Buffer[] = [];
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => received.push(chunk));
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await createFaultProxy({ target: { host: "127.0.0.1", port }, seed, plan });
  try {
    await run(proxy, { received: () => Buffer.concat(received), connections: () => connections });
  } finally {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

test("passes everything on and ends as the server does, if it is told nothing", async () => {
  await withProxy({}, async (proxy) => {
    expect(await exchange(proxy)).toMatchObject({ received: body, ending: "end" });
    await waitFor(() => proxy.open() === 0, { what: "the connections' end" });
    expect(proxy.connections()).toBe(1);
  });
});

test("latency holds every piece back and loses none", async () => {
  await withProxy(
    { up: [{ kind: "latency", ms: 50 }], down: [{ kind: "latency", ms: 50, jitterMs: 20 }] },
    async (proxy) => {
      const seen = await exchange(proxy);
      expect(seen).toMatchObject({ received: body, ending: "end" });
      expect(seen.tookMs).toBeGreaterThanOrEqual(90);
    },
  );
});

test("bandwidth is no more than it may be", async () => {
  await withProxy({ down: [{ kind: "bandwidth", bytesPerSecond: 200_000 }] }, async (proxy) => {
    const seen = await exchange(proxy);
    expect(seen).toMatchObject({ received: body, ending: "end" });
    // 50,000 bytes at that rate, but for the first piece.
    expect(seen.tookMs).toBeGreaterThanOrEqual(200);
  });
});

test(named("the slicer cuts where the seed says, and loses nothing"), async () => {
  await withProxy({ down: [{ kind: "slicer", minimum: 1000, maximum: 4000 }] }, async (proxy) => {
    const seen = await exchange(proxy);
    expect(seen).toMatchObject({ received: body, ending: "end" });
    expect(seen.pieces).toBeGreaterThan(5);
  });
});

test.each([0, 1, 12_345])("stalls after %i bytes, with the connection open", async (afterBytes) => {
  await withProxy({ down: [{ kind: "stall", afterBytes }] }, async (proxy) => {
    const { received, ending } = await exchange(proxy, 200);
    expect({ ending, received }).toEqual({ ending: "silence", received: body.subarray(0, afterBytes) });
  });
});

test.each([0, 1, 12_345])("resets after %i bytes", async (afterBytes) => {
  await withProxy({ down: [{ kind: "reset", afterBytes }] }, async (proxy) => {
    const { received, ending } = await exchange(proxy);
    // A RST overtakes what the receiver has not read yet.
    expect({ ending, isPrefix: body.subarray(0, afterBytes).indexOf(received) <= 0 }).toEqual({
      ending: "reset",
      isPrefix: true,
    });
    expect(received.length).toBeLessThanOrEqual(afterBytes);
  });
});

test.each([1, 12_345])(
  "half-closes after %i bytes: the server sees the end and can still answer",
  async (afterBytes) => {
    await withProxy({ up: [{ kind: "half-close", afterBytes }] }, async (proxy, server) => {
      const { received, ending } = await exchange(proxy);
      expect(server.received()).toEqual(body.subarray(0, afterBytes));
      expect({ ending, received }).toEqual({ ending: "end", received: body.subarray(0, afterBytes) });
    });
  },
);

test("a black hole takes everything and connects to nobody", async () => {
  await withProxy({ up: [{ kind: "black-hole" }] }, async (proxy, server) => {
    expect(await exchange(proxy, 200)).toMatchObject({ received: Buffer.alloc(0), ending: "silence" });
    expect(server.connections()).toBe(0);
  });
});

test(named("corruption turns single bits over, the same for the same seed"), async () => {
  const outcomes: Buffer[] = [];
  for (let run = 0; run < 2; run += 1) {
    await withProxy({ down: [{ kind: "corrupt", everyBytes: 500, afterBytes: 1000 }] }, async (proxy) => {
      const { received, ending } = await exchange(proxy);
      expect({ ending, length: received.length }).toEqual({ ending: "end", length: body.length });
      outcomes.push(received);
    });
  }
  const [first = Buffer.alloc(0), second] = outcomes;
  expect(first).toEqual(second);
  expect(first.subarray(0, 1000)).toEqual(body.subarray(0, 1000));
  const wrong = [...first.keys()].filter((index) => first[index] !== body[index]);
  expect(wrong.length).toBeGreaterThan(20);
  expect(wrong.length).toBeLessThan(500);
  for (const index of wrong)
    expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(first.readUInt8(index) ^ body.readUInt8(index));
});

test.each([
  ["up", 0],
  ["down", 0],
  ["down", 1],
])("drops TLS in place of record %s %i: no handshake is ever done", async (direction, record) => {
  const { certificate: cert, key } = createCertificate();
  const server = createTlsServer({ cert, key }).on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await createFaultProxy({
    target: { host: "127.0.0.1", port },
    seed,
    plan: (connection) => (connection === 0 ? { [direction]: [{ kind: "tls-drop", record }] } : {}),
  });
  try {
    const dropped = connectTls({ port: proxy.port, host: "127.0.0.1", ca: cert });
    await expect(within(once(dropped, "secureConnect"), { what: "the drop" })).rejects.toMatchObject({
      code: "ECONNRESET",
    });
    // The next connection is told nothing.
    const whole = connectTls({ port: proxy.port, host: "127.0.0.1", ca: cert });
    await within(once(whole, "secureConnect"), { what: "the handshake" });
    whole.destroy();
  } finally {
    await proxy.close();
    server.close();
    await once(server, "close");
  }
});

test("a client that breaks off is gone at the server, and the plan can be changed between connections", async () => {
  await withProxy({ down: [{ kind: "stall", afterBytes: 0 }] }, async (proxy, server) => {
    const socket = connect(proxy.port, "127.0.0.1");
    socket.write("x");
    await waitFor(() => server.received().length === 1, { what: "the byte" });
    socket.resetAndDestroy();
    await waitFor(() => proxy.open() === 0, { what: "the connections' end" });
    proxy.setPlan({});
    expect((await exchange(proxy)).received).toEqual(body);
  });
});
