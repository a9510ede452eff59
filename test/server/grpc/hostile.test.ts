import { once } from "node:events";
import { connect } from "node:net";
import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { within } from "../../support/wait.ts";
import { chat, chatBytes, chatRequest, withClient } from "./client.ts";
import { frame, rawCall, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

import { expectNoLeak, withSurvivor } from "./survivor.ts";

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
});

describe("a connection", () => {
  test.each([
    ["HTTP/1.1", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"],
    ["zeros", "\0".repeat(1000)],
    ["a preface without frames", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot frames at all, not at all"],
  ])("that begins with garbage is ended: %s", async (_name, garbage) => {
    await withSurvivor({}, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(garbage, "latin1");
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  // Mutant seen red: no look at the first bytes.
  test("that never says anything is closed", async () => {
    await withSurvivor({ transport: { firstBytesMs: 20 } }, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  // Mutant seen red: connections not counted.
  test("above the most there may be is dropped", async () => {
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
  test("that does not answer pings is closed", async () => {
    await withSurvivor({ transport: { keepaliveMs: 20, keepaliveTimeoutMs: 20 } }, async (port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.resume();
      await within(once(socket, "close"), { what: "the connection's end" });
    });
  });

  test("without calls is closed after its time", async () => {
    await withSurvivor({ transport: { idleMs: 20 } }, async (port) => {
      await withSession(port, async (session) => {
        await within(once(session, "close"), { what: "the connection's end" });
      });
    });
  });

  test("has no more calls at once than it may", async () => {
    await withSurvivor({ limits: { maxStreamsPerConnection: 5 } }, async (port) => {
      await withSession(port, async (session) => {
        await once(session, "remoteSettings");
        expect(session.remoteSettings.maxConcurrentStreams).toBe(5);
      });
    });
  });
});
