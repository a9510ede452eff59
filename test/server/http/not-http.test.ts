import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { within } from "../../support/wait.ts";
import { expectAlive, expectNoLeak, send, send2, sendBytes, withListener, withSession } from "./setup.ts";

describe("what is not HTTP", () => {
  const requests: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["random bytes", Buffer.concat([Buffer.from([0xff]), randomBytes(2000)]), /^HTTP\/1\.1 400 /],
    ["a TLS handshake", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), /^HTTP\/1\.1 400 /],
    ["no host", "GET /health HTTP/1.1\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    [
      "two hosts",
      "GET /health HTTP/1.1\r\nhost: localhost\r\nHost: evil.example\r\nconnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    ["a bad request line", "GET /hea lth HTTP/1.1\r\nhost: localhost\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a bad header", "GET /health HTTP/1.1\r\nhost: localhost\r\nx y: 1\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a line end in a header", "GET /health HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n", /^HTTP\/1\.1 400 /],
    [
      "two lengths",
      "POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "a length and chunks (smuggling)",
      "POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "headers without bound",
      `GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(20_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    [
      "many headers beyond the bound",
      `GET /health HTTP/1.1\r\nhost: localhost\r\n${"x: aaaaaaaa\r\n".repeat(2000)}\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    [
      "a bad chunk",
      "POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      /^(HTTP\/1\.1 400 |$)/,
    ],
    ["a bad preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", /^(?!HTTP)/],
    [
      "frames that are none after the preface",
      Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), randomBytes(4000)]),
      /^(?!HTTP)/,
    ],
  ];
  // Mutants seen red: no `clientError` handler (Node's bare answer); hosts not counted.
  test.each(requests)("such as %s gets a problem document or is hung up on", async (_name, bytes, expected) => {
    await withListener({ transport: { headersMs: 500, requestMs: 500 } }, async (running) => {
      const text = await within(sendBytes(running.port, bytes), { what: "the server to close" });
      expect(text).toMatch(expected);
      expectNoLeak(text);
      if (text.startsWith("HTTP/1.1 4")) {
        expect(text).toContain("content-type: application/problem+json");
        expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n")))).toMatchObject({
          reason: "INVALID_FIELD",
          request_id: expect.stringMatching(/^req_/),
        });
      }
      await expectAlive(running);
    });
  });

  // Mutant seen red: the host beside an authority not looked at.
  test("and a host that differs from the authority of HTTP/2 is refused", async () => {
    await withListener({}, async ({ url }) => {
      await withSession(url, async (session) => {
        const { host } = new URL(url);
        expect((await send2(session, "/health", { headers: { ":authority": host, host } })).status).toBe(200);
        const two = { ":authority": host, host: "localhost" };
        expect((await send2(session, "/health", { headers: two })).status).toBe(400);
      });
    });
  });

  test("but many headers within the bound are taken", async () => {
    await withListener({}, async (running) => {
      const flood = Object.fromEntries(Array.from({ length: 150 }, (_each, index) => [`x-${index}`, "a".repeat(50)]));
      expect((await send(running.port, "/health", { headers: flood })).status).toBe(200);
      await withSession(running.url, async (session) => {
        expect((await send2(session, "/health", { headers: flood })).status).toBe(200);
      });
      await expectAlive(running);
    });
  });

  test("and a header block of HTTP/2 beyond the bound ends the stream or the session, and the process lives", async () => {
    await withListener({}, async (running) => {
      await withSession(running.url, async (session) => {
        const headers = Object.fromEntries(
          Array.from({ length: 400 }, (_each, index) => [`x-${index}`, "a".repeat(100)]),
        );
        const { status } = await within(send2(session, "/health", { headers }), { what: "the end of the stream" });
        expect([0, 431]).toContain(status);
      });
      await expectAlive(running);
    });
  });
});
