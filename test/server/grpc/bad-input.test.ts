import { once } from "node:events";
import { deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Reason } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { createPrefixReader, type MessagePrefix } from "../../../src/server/grpc/frames.ts";
import { chat, chatBytes, chatRequest, withClient } from "./client.ts";
import { frame, rawCall, withSession } from "./raw.ts";

import { expectNoLeak, withSurvivor } from "./survivor.ts";

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
