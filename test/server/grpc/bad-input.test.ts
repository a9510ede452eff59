import { once } from "node:events";
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Reason } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { createPrefixReader, type MessagePrefix } from "../../../src/server/grpc/frames.ts";
import { within } from "../../support/wait.ts";
import {
  chat,
  chatBytes,
  chatRequest,
  frame,
  type RawAnswer,
  rawCall,
  withClient,
  withListener,
  withSession,
} from "./setup.ts";

/** Nothing in an answer shows the inside of the process. */
function expectNoLeak({ headers, trailers, body }: RawAnswer): void {
  const text = decodeURIComponent(JSON.stringify([headers, trailers, body.toString("latin1")]));
  expect(text).not.toMatch(/node_modules|\/src\/|\.ts\b|\.js\b|at \w+ \(|Error:/);
}

/** Runs a test, then makes sure the listener still serves and nothing was logged as a bug. */
async function withSurvivor(
  options: Parameters<typeof withListener>[0],
  run: (port: number) => Promise<void>,
): Promise<void> {
  await withListener(options, async ({ port, bugs, dispatcher }) => {
    await run(port);
    await withClient(port, async (client) => {
      expect((await chat(client)).failure).toBeUndefined();
    });
    expect(bugs).toEqual([]);
    expect(dispatcher.running).toBe(0);
  });
}

const chatPath = "/execution.v1.ExecutionService/Chat";
const prefixOf = (size: number, flag = 0): Buffer => frame(new Uint8Array(), flag, size);

describe("a request that is malformed", () => {
  const good = chatBytes();
  const badUtf8 = Buffer.from(good);
  badUtf8.set([0xff, 0xfe], badUtf8.indexOf("hi"));
  const nested = Buffer.concat(Array.from({ length: 300 }, () => Buffer.from([0x0b])));

  test.each<[string, readonly Uint8Array[]]>([
    ["cut off in the middle of a field", [frame(good.subarray(0, good.length - 1))]],
    ["not protobuf at all", [frame(Buffer.from("GET / HTTP/1.1"))]],
    ["holding bytes that are not UTF-8 where text belongs", [frame(badUtf8)]],
    ["nested without an end", [frame(nested)]],
    ["a varint without an end", [frame(new Uint8Array(64).fill(0xff))]],
    ["empty, so without the messages it needs", [frame(new Uint8Array())]],
    ["no message at all", []],
    ["two messages", [frame(good), frame(good)]],
    ["two messages in one piece", [Buffer.concat([frame(good), frame(good)])]],
    ["ended inside the prefix", [frame(good).subarray(0, 3)]],
    ["ended inside the message", [frame(good).subarray(0, 9)]],
    ["marked neither compressed nor not", [frame(good, 7)]],
    ["marked compressed without saying how", [frame(gzipSync(good), 1)]],
  ])("%s is INVALID_FIELD with its details", async (_name, body) => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const answer = await rawCall(session, body);
        expect(answer.failure).toMatchObject({ code: status.INVALID_ARGUMENT, info: { reason: "INVALID_FIELD" } });
        expect(answer.failure.badRequest?.fieldViolations).not.toHaveLength(0);
        expectNoLeak(answer);
      });
    });
  });

  test("in any way is answered, never dropped", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 }), async (body) => {
            const { failure } = await rawCall(session, body);
            expect(["INVALID_FIELD", "MESSAGE_TOO_LARGE"]).toContain(failure.info?.reason);
          }),
          { numRuns: 200 },
        );
      });
    });
  });
});

describe("a request that is too large", () => {
  const limits = { maxChatBytes: 2000, maxMessageBytes: 1000 };
  const tooLarge = { code: status.RESOURCE_EXHAUSTED, info: { reason: "MESSAGE_TOO_LARGE" satisfies Reason } };

  // Mutant seen red: no look at the prefix. grpc-js then refuses the largest itself, without details, and waits for the others.
  test.each([2001, 3000, 2 ** 31, 2 ** 32 - 1])("by saying %d bytes is refused before they come", async (size) => {
    await withSurvivor({ limits }, async (port) => {
      await withSession(port, async (session) => {
        const answer = await rawCall(session, [prefixOf(size)], {}, true);
        expect(answer.failure).toMatchObject(tooLarge);
        expect(answer.failure.info?.metadata).toMatchObject({ retryable: "false" });
      });
    });
  });

  test("for its own method is refused where another method takes it", async () => {
    await withSurvivor({ limits }, async (port) => {
      await withSession(port, async (session) => {
        const body = [frame(new Uint8Array(1500))];
        const costs = await rawCall(session, body, { ":path": "/execution.v1.ExecutionService/Capabilities" });
        expect(costs.failure).toMatchObject(tooLarge);
        expect((await rawCall(session, body)).failure.info?.reason).toBe("INVALID_FIELD");
      });
    });
  });

  test("is refused while it is still being sent, and what still comes is thrown away", async () => {
    await withSurvivor({ limits, transport: { lingerMs: 50 } }, async (port) => {
      await withSession(port, async (session) => {
        const answer = await rawCall(session, [frame(new Uint8Array(3_000_000))]);
        expect(answer.failure).toMatchObject(tooLarge);
      });
    });
  });

  // Mutant seen red: nothing admitted while the body comes.
  test("for the process, all requests together, is refused as overload while it comes", async () => {
    const few = { maxChatBytes: 100_000, maxMessageBytes: 1000, maxBytesInFlight: 150_000 };
    await withSurvivor({ limits: few }, async (port) => {
      await withSession(port, async (session) => {
        const slow = rawCall(session, [prefixOf(90_000), new Uint8Array(89_999)]);
        const first = session.request({
          ":method": "POST",
          ":path": chatPath,
          "content-type": "application/grpc",
          te: "trailers",
        });
        first.on("error", () => undefined);
        first.write(Buffer.concat([prefixOf(90_000), new Uint8Array(80_000)]));
        await slow;
        const second = await rawCall(session, [prefixOf(90_000), new Uint8Array(80_000)], {}, true);
        expect(second.failure).toMatchObject({ code: status.UNAVAILABLE, info: { reason: "OVERLOADED" } });
        const closed = once(first, "close");
        first.close();
        await closed;
      });
    });
  });

  test("16 MiB and no more are taken by default", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const over = await rawCall(session, [prefixOf(16 * 1024 * 1024 + 1)], {}, true);
        expect(over.failure).toMatchObject(tooLarge);
      });
      await withClient(
        port,
        async (client) => {
          const text = "x".repeat(16 * 1024 * 1024 - 100);
          const { failure } = await chat(client, chatRequest(text, [{ text: "ok" }]));
          expect(failure).toBeUndefined();
        },
        { "grpc.max_send_message_length": -1 },
      );
    });
  });
});

describe("a compressed request", () => {
  test("in gzip is read", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [frame(gzipSync(chatBytes("long ".repeat(1000))), 1)], {
          "grpc-encoding": "gzip",
        });
        expect(failure.code).toBe(status.OK);
      });
    });
  });

  // Mutant seen red: gunzip without a bound.
  test("that bursts is refused before its size is even found out", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const size = 64 * 1024 * 1024;
        const bomb = gzipSync(Buffer.alloc(size));
        const { failure } = await rawCall(session, [frame(bomb, 1)], { "grpc-encoding": "gzip" });
        expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, info: { reason: "MESSAGE_TOO_LARGE" } });
        expect(failure.status?.message).not.toContain(String(size));
      });
    });
  });

  test.each<[string, Uint8Array, string, number, Reason]>([
    ["that is not what it says", Buffer.from("not gzip"), "gzip", status.INVALID_ARGUMENT, "INVALID_FIELD"],
    ["that is cut off", gzipSync(chatBytes()).subarray(0, 12), "gzip", status.INVALID_ARGUMENT, "INVALID_FIELD"],
    ["in another way", deflateSync(chatBytes()), "deflate", status.UNIMPLEMENTED, "UNIMPLEMENTED"],
    ["in no known way", chatBytes(), "__proto__", status.UNIMPLEMENTED, "UNIMPLEMENTED"],
  ])("%s is refused with details", async (_name, bytes, encoding, code, reason) => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const answer = await rawCall(session, [frame(bytes, 1)], { "grpc-encoding": encoding });
        expect(answer.failure).toMatchObject({ code, info: { reason } });
        expectNoLeak(answer);
      });
    });
  });

  test("answers say what requests may be compressed with", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const { headers } = await rawCall(session, [frame(chatBytes())]);
        expect(headers).toMatchObject({ "grpc-accept-encoding": "identity,gzip", "grpc-encoding": "identity" });
      });
    });
  });
});

describe("hostile heads", () => {
  // Mutant seen red: the path left to grpc-js.
  test.each([
    ["a missing method", "/execution.v1.ExecutionService/Nothing"],
    ["a missing service", "/nobody.v1.Nothing/At/all"],
    ["bytes", "/é\u00ff%zz"],
    ["the name unknown methods have inside", "/unknown"],
    ["the prototype", "/__proto__/constructor"],
    ["8000 characters", `/${"x".repeat(8000)}`],
  ])("an unknown method is UNIMPLEMENTED with its details: %s", async (_name, path) => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const answer = await rawCall(session, [frame(chatBytes())], { ":path": path });
        expect(answer.failure).toMatchObject({ code: status.UNIMPLEMENTED, info: { reason: "UNIMPLEMENTED" } });
        expectNoLeak(answer);
      });
    });
  });

  // Mutant seen red: grpc-js's own log left on. It prints the key.
  test("a key that is no legal header value is not printed", async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (...words: unknown[]) => printed.push(...words);
    const key = { name: "k", sha256: hashKey("s\u00e9cret"), tenant: "t", roles: [Role.CALLER], providerOptions: true };
    try {
      await withListener({ config: { keys: [key] } }, async ({ port }) => {
        await withSession(port, async (session) => {
          for (const word of ["s\u00e9cret", "other\u00e9"]) {
            await rawCall(session, [frame(chatBytes())], { authorization: `Bearer ${word}`, "x-api-key": word });
          }
        });
      });
    } finally {
      console.error = error;
    }
    expect(printed).toEqual([]);
  });

  test("headers of our own, of the prototype and in numbers do no harm", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const hostile = {
          "x-execution-platform-arrival": "1",
          __proto__x: "1",
          constructor: "x",
          "tostring-bin": "%%%",
          "grpc-previous-rpc-attempts": "9",
        };
        expect((await rawCall(session, [frame(chatBytes())], hostile)).failure.code).toBe(status.OK);
        const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, "v"]));
        expect((await rawCall(session, [frame(chatBytes())], many)).resetCode).not.toBe(0);
      });
      await withSession(port, async (session) => {
        const long = { "x-long": "v".repeat(60_000), "x-longer": "v".repeat(60_000) };
        const answer = await within(rawCall(session, [frame(chatBytes())], long), { what: "an answer" });
        expect(answer.failure.code).not.toBe(status.OK);
      });
    });
  });

  test("another content type is answered by HTTP status, without a call", async () => {
    await withSurvivor({}, async (port) => {
      await withSession(port, async (session) => {
        const { headers } = await rawCall(session, [Buffer.from("{}")], { "content-type": "application/json" });
        expect(headers[":status"]).toBe(415);
      });
    });
  });

  test.each([
    ["HTTP/1.1", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"],
    ["zeros", "\0".repeat(1000)],
    ["a preface without frames", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot frames at all, not at all"],
  ])("garbage on the port ends its connection: %s", async (_name, garbage) => {
    await withSurvivor({}, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(garbage, "latin1");
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  // Mutant seen red: no look at the first bytes.
  test("a connection that never says anything is closed", async () => {
    await withSurvivor({ transport: { firstBytesMs: 20 } }, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  // Mutant seen red: connections not counted.
  test("a connection above the most there may be is dropped", async () => {
    await withListener({ transport: { maxConnections: 1 } }, async ({ port }) => {
      await withSession(port, async (session) => {
        expect((await rawCall(session, [frame(chatBytes())])).failure.code).toBe(status.OK);
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.resume();
        await within(once(socket, "close"), { what: "the connection's end" });
        expect((await rawCall(session, [frame(chatBytes())])).failure.code).toBe(status.OK);
      });
      const soon = { "grpc.initial_reconnect_backoff_ms": 100 };
      await withClient(
        port,
        async (client) => {
          const { failure } = await chat(client, chatRequest(), new Metadata({ waitForReady: true }));
          expect(failure).toBeUndefined();
        },
        soon,
      );
    });
  });

  // Mutant seen red: no keepalive.
  test("a connection that does not answer pings is closed", async () => {
    await withSurvivor({ transport: { keepaliveMs: 20, keepaliveTimeoutMs: 20 } }, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  test("a connection without calls is closed after its time", async () => {
    await withSurvivor({ transport: { idleMs: 20 } }, async (port) => {
      await withSession(port, async (session) => {
        await within(once(session, "close"), { what: "the connection's end" });
      });
    });
  });

  test("a connection has no more calls at once than it may", async () => {
    await withSurvivor({ limits: { maxStreamsPerConnection: 5 } }, async (port) => {
      await withSession(port, async (session) => {
        await once(session, "remoteSettings");
        expect(session.remoteSettings.maxConcurrentStreams).toBe(5);
      });
    });
  });
});

describe("prefixes", () => {
  // Mutant seen red: a prefix cut in two read as two.
  test("are found however the bytes are cut", () => {
    const message = fc.record({ flag: fc.nat({ max: 255 }), bytes: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(fc.array(message), fc.infiniteStream(fc.integer({ min: 1, max: 12 })), (messages, cuts) => {
        const found: MessagePrefix[] = [];
        const read = createPrefixReader((prefix) => found.push(prefix));
        const all = Buffer.concat(messages.map(({ flag, bytes }) => frame(bytes, flag)));
        for (let at = 0; at < all.length; ) {
          const length = cuts.next().value ?? 1;
          read(all.subarray(at, at + length));
          at += length;
        }
        expect(found).toEqual(messages.map(({ flag, bytes }) => ({ flag, size: bytes.length })));
      }),
    );
  });
});

test("a request with fields this server does not know is served", async () => {
  await withSurvivor({}, async (port) => {
    await withSession(port, async (session) => {
      const newer = create(ChatRequestSchema, {
        ...chatRequest(),
        $unknown: [{ no: 5000, wireType: 0, data: new Uint8Array([1]) }],
      });
      const { failure } = await rawCall(session, [frame(toBinary(ChatRequestSchema, newer))]);
      expect(failure.code).toBe(status.OK);
    });
  });
});
