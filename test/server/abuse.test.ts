import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, test } from "@jest/globals";
import type { Config } from "../../src/config/config.ts";
import { type AttackTarget, chatBlock } from "../chaos/abuse/attack.ts";
import { chatFrame } from "../chaos/abuse/callers.ts";
import * as h2 from "../chaos/h2raw.ts";
import { startTestGateway } from "../support/gateway.ts";
import { testConfig } from "../support/routing.ts";
import { within } from "../support/wait.ts";

type Wire = AttackTarget["wire"];
const WIRES: readonly Wire[] = ["grpc", "http"];

/** Runs a test against both listeners of a gateway, whose healthy callers come from another address than its attackers. */
async function withGateway(
  limits: Partial<Config["limits"]>,
  run: (port: Readonly<Record<Wire, number>>) => Promise<void>,
): Promise<void> {
  const gateway = await startTestGateway({ config: { limits: { ...testConfig().limits, drainMs: 100, ...limits } } });
  try {
    await run({ grpc: Number(new URL(gateway.grpcUrl).port), http: Number(new URL(gateway.httpUrl).port) });
  } finally {
    await gateway.stop();
  }
}

/** A connection that has said hello. */
async function greet(port: number, localAddress = "127.0.0.9"): Promise<h2.RawHttp2> {
  const raw = await h2.connectRaw({ port, localAddress });
  raw.send(h2.PREFACE, h2.settings(), h2.settingsAck());
  return raw;
}

/** A request without a body, which both listeners answer, if only with a refusal. */
async function expectServed(wire: Wire, port: number, localAddress = "127.0.0.8"): Promise<void> {
  const raw = await greet(port, localAddress);
  raw.send(h2.headers(1, chatBlock(wire), h2.FLAG.endHeaders | h2.FLAG.endStream));
  await raw.frame(({ type, streamId }) => type === h2.FRAME.headers && streamId === 1, "an answer");
  raw.destroy();
}

const gone = (raw: h2.RawHttp2, what: string): Promise<void> => within(raw.gone, { what });

describe.each(WIRES)("on %s", (wire) => {
  // Mutants seen red: resets not counted; resets counted for the connection but the address let in again.
  test("requests that are reset before they are answered end the connection and lock the address out", async () => {
    await withGateway({}, async (port) => {
      const raw = await greet(port[wire]);
      const ids = Array.from({ length: 200 }, (_each, index) => 1 + 2 * index);
      raw.send(...ids.flatMap((id) => [h2.headers(id, chatBlock(wire)), h2.reset(id)]));
      await gone(raw, "the end of the connection");
      await gone(await greet(port[wire]), "the refusal of another one");
      await expectServed(wire, port[wire]);
    });
  });

  test("a few resets end nothing", async () => {
    await withGateway({}, async (port) => {
      const raw = await greet(port[wire]);
      const ids = Array.from({ length: 50 }, (_each, index) => 1 + 2 * index);
      raw.send(...ids.flatMap((id) => [h2.headers(id, chatBlock(wire)), h2.reset(id)]));
      raw.send(h2.headers(201, chatBlock(wire), h2.FLAG.endHeaders | h2.FLAG.endStream));
      await raw.frame(({ type, streamId }) => type === h2.FRAME.headers && streamId === 201, "an answer");
      raw.destroy();
    });
  });

  // Mutant seen red: connections without a request not counted.
  test("connections opened for nothing lock the address out", async () => {
    await withGateway({}, async (port) => {
      for (let count = 0; count < 150; count += 1) {
        const raw = await h2.connectRaw({ port: port[wire], localAddress: "127.0.0.9" });
        raw.destroy();
        await raw.gone;
      }
      await gone(await greet(port[wire]), "the refusal");
      await expectServed(wire, port[wire]);
    });
  });

  // Mutant seen red: overhead never too much.
  test("frames that belong to no request end the connection", async () => {
    await withGateway({}, async (port) => {
      const raw = await greet(port[wire]);
      raw.send(h2.headers(1, chatBlock(wire)));
      const flood = Buffer.concat(Array.from({ length: 50_000 }, () => h2.windowUpdate(0, 1)));
      const sending = setInterval(() => raw.send(flood), 10);
      await gone(raw, "the end of the connection").finally(() => clearInterval(sending));
      await expectServed(wire, port[wire]);
    });
  });

  // Mutant seen red: connections of an address not counted.
  test("an address has no more connections than it may", async () => {
    await withGateway({ maxConnectionsPerPeer: 3 }, async (port) => {
      const held = await Promise.all([1, 2, 3].map(() => greet(port[wire])));
      for (const raw of held) await raw.frame(({ type }) => type === h2.FRAME.settings, "the server's hello");
      await gone(await greet(port[wire]), "the refusal");
      await expectServed(wire, port[wire]);
      for (const raw of held) raw.destroy();
    });
  });

  test("an address that is trusted may have more, and is not locked out", async () => {
    await withGateway({ maxConnectionsPerPeer: 1, trustedPeers: ["127.0.0.9"] }, async (port) => {
      const raw = await greet(port[wire]);
      const ids = Array.from({ length: 200 }, (_each, index) => 1 + 2 * index);
      raw.send(...ids.flatMap((id) => [h2.headers(id, chatBlock(wire)), h2.reset(id)]));
      await gone(raw, "the end of the connection");
      await Promise.all([1, 2, 3].map(() => expectServed(wire, port[wire], "127.0.0.9")));
    });
  });

  // Mutant seen red: no look at what has made no request.
  test.each([
    ["says nothing", Buffer.alloc(0)],
    ["says a preface and does not answer", Buffer.concat([h2.PREFACE, h2.settings()])],
    ["says hello and never calls", Buffer.concat([h2.PREFACE, h2.settings(), h2.settingsAck()])],
    [
      "never ends its headers",
      Buffer.concat([h2.PREFACE, h2.settings(), h2.settingsAck(), h2.headers(1, chatBlock(wire), 0)]),
    ],
  ])("a connection that %s is closed", async (_name, hello) => {
    await withGateway({ headerTimeoutMs: 50 }, async (port) => {
      const raw = await h2.connectRaw({ port: port[wire], localAddress: "127.0.0.9" });
      raw.send(hello);
      await gone(raw, "the end of the connection");
    });
  });

  // Mutant seen red: a body clock that is never late.
  test("a body that trickles is refused in its time", async () => {
    await withGateway({ bodyTimeoutMs: 100 }, async (port) => {
      const raw = await greet(port[wire]);
      raw.send(h2.headers(1, chatBlock(wire)), h2.data(1, Buffer.from([0, 0, 16, 0, 0])));
      const trickle = setInterval(() => raw.send(h2.data(1, Buffer.from(" "))), 20);
      await raw
        .frame(({ type, streamId }) => type === h2.FRAME.headers && streamId === 1, "the refusal")
        .finally(() => clearInterval(trickle));
      raw.destroy();
    });
  });

  // Mutant seen red: a stream that cannot send closed in good order.
  test("an answer nobody has a window for is thrown away in its time", async () => {
    await withGateway({ stallTimeoutMs: 100 }, async (port) => {
      const raw = await h2.connectRaw({ port: port[wire], localAddress: "127.0.0.9" });
      raw.send(h2.PREFACE, h2.settings([h2.SETTING.initialWindowSize, 0]), h2.settingsAck());
      const message = Buffer.from('{"messages":[{"role":"user","content":"hi"}]}');
      raw.send(h2.headers(1, chatBlock(wire)), h2.data(1, wire === "grpc" ? chatFrame : message, h2.FLAG.endStream));
      await raw.frame(({ type, streamId }) => type === h2.FRAME.reset && streamId === 1, "the reset");
      raw.destroy();
    });
  });

  // Mutants seen red on gRPC and on HTTP: scanned once it is whole, which the body of this test never is.
  test("a body with too much in it is refused before the rest of it has come", async () => {
    await withGateway({}, async (port) => {
      const raw = await greet(port[wire]);
      raw.send(h2.headers(1, chatBlock(wire)));
      // A message of 16 MiB is announced on gRPC; what comes of it is 400 KB.
      if (wire === "grpc") raw.send(h2.data(1, Buffer.from([0, 1, 0, 0, 0])));
      const piece = Buffer.alloc(16_000, wire === "grpc" ? Buffer.from([0x22, 0]) : "[");
      let sent = 5;
      const sending = setInterval(() => {
        if (sent > 400_000 || sent + piece.length > windowOf(raw, 0) || sent + piece.length > windowOf(raw, 1)) return;
        sent += piece.length;
        raw.send(h2.data(1, piece));
      }, 5);
      await raw
        .frame(({ type, streamId }) => type === h2.FRAME.headers && streamId === 1, "the refusal")
        .finally(() => clearInterval(sending));
      raw.destroy();
      await expectServed(wire, port[wire]);
    });
  });

  // Mutant seen red: nobody waits for the end of a request of the standard services (HTTP).
  test("a request of a standard service that does not end is ended in its time", async () => {
    await withGateway({ bodyTimeoutMs: 100 }, async (port) => {
      const raw = await greet(port[wire]);
      raw.send(h2.headers(1, serviceBlock("/grpc.health.v1.Health/Check")));
      await raw.frame(ends(1), "the end of the call");
      raw.destroy();
    });
  });

  // Mutant seen red: reflection's answers not waited for (gRPC).
  test("an answer of reflection that nobody takes is thrown away in its time", async () => {
    await withGateway({ stallTimeoutMs: 100, bodyTimeoutMs: 60_000 }, async (port) => {
      const raw = await h2.connectRaw({ port: port[wire], localAddress: "127.0.0.9" });
      raw.send(h2.PREFACE, h2.settings([h2.SETTING.initialWindowSize, 0]), h2.settingsAck());
      const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
      // list_services, the string "*".
      const message = Buffer.from([0, 0, 0, 0, 3, 0x3a, 1, 0x2a]);
      raw.send(h2.headers(1, serviceBlock(path)), h2.data(1, message, h2.FLAG.endStream));
      await raw.frame(ends(1), "the end of the call");
      raw.destroy();
    });
  });
});

/** A frame after which nothing more comes of a stream. */
const ends =
  (id: number) =>
  ({ type, flags, streamId }: h2.RawFrame): boolean =>
    streamId === id && (type === h2.FRAME.reset || (type === h2.FRAME.headers && (flags & h2.FLAG.endStream) !== 0));

/** What may have been sent in all on a stream, or, for 0, on the connection. */
function windowOf(raw: h2.RawHttp2, id: number): number {
  const updates = raw.frames.filter(({ type, streamId }) => type === h2.FRAME.windowUpdate && streamId === id);
  return updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535);
}

/** The headers of a call of a service that every gRPC server has. */
function serviceBlock(path: string): Buffer {
  return h2.block({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
  });
}

describe("on a connection of HTTP/1.1", () => {
  const request = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
  const answers = (text: string): number => text.split("HTTP/1.1 200").length - 1;

  async function pipeline(port: number, count: number): Promise<string> {
    const raw = await h2.connectRaw({ port, localAddress: "127.0.0.9", reads: false });
    let text = "";
    const done = Promise.withResolvers<void>();
    raw.socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
      if (answers(text) === count) done.resolve();
    });
    raw.send(Buffer.from(request.repeat(count)));
    await within(Promise.race([raw.gone, done.promise]), { what: "the answers, or the end of the connection" });
    raw.destroy();
    return text;
  }

  // Mutant seen red: no bound on those that wait.
  test("a few requests sent at once are answered, each in its turn, and thousands end it", async () => {
    await withGateway({}, async ({ http }) => {
      expect(answers(await pipeline(http, 50))).toBe(50);
      expect(answers(await pipeline(http, 5000))).toBeLessThan(200);
      await expectServed("http", http);
    });
  });

  // Mutant seen red: the parser reads on, and makes all that came in one read.
  test("of thousands sent at once no more than a hundred are made into requests", async () => {
    let made = 0;
    const onMade = (): void => {
      made += 1;
    };
    await withGateway({}, async ({ http }) => {
      subscribe("http.server.request.start", onMade);
      try {
        await pipeline(http, 5000);
      } finally {
        unsubscribe("http.server.request.start", onMade);
      }
      expect(made).toBe(101);
    });
  });
});
