import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { type Socket, connect as tcpConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { Secret } from "../../../src/secret.ts";
import { createCertificate } from "../../support/certificate.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chatRequest, parseSse, post, scripted, send, send2, sendBytes, withListener, withSession } from "./setup.ts";
import { chat, WIRES } from "./wires.ts";

const POST = "POST /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const GET = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

describe("one port", () => {
  test("serves HTTP/1.1 and HTTP/2 with prior knowledge", async () => {
    await withListener({}, async ({ port, url }) => {
      expect((await send(port, "/health")).json()).toEqual({ status: "serving" });
      await withSession(url, async (session) => {
        expect((await send2(session, "/health")).json()).toEqual({ status: "serving" });
      });
    });
  });

  // Mutant seen red: deciding on the first read, however short.
  test("tells them apart even if the first bytes come one by one", async () => {
    await withListener({}, async ({ port, url }) => {
      for (const first of [POST, GET, GET.replace("GET", "PRI")]) {
        const socket = tcpConnect({ port, host: "127.0.0.1", noDelay: true });
        const answer = collect(socket);
        for (const byte of first.slice(0, 6)) {
          socket.write(byte);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        socket.write(first.slice(6));
        const text = await within(answer, { what: "the answer" });
        // PRI is no method of HTTP/1.1: HTTP/2 finds a bad preface and hangs up.
        const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
        expect(status).toBe({ G: "200", P: first === POST ? "405" : undefined }[first.slice(0, 1)]);
      }
      await withSession(url, async (session) => expect((await send2(session, "/health")).status).toBe(200));
    });
  });

  test("serves requests one after the other on a connection, and a half-closed one", async () => {
    await withListener({}, async ({ port }) => {
      const twice = await sendBytes(port, `${GET.replace("connection: close\r\n", "")}${GET}`);
      expect(twice.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    });
  });

  test("under TLS serves both by ALPN, and HTTP/1.1 to clients that do not ask", async () => {
    const { certificate, key } = createCertificate();
    const http = { host: "127.0.0.1", port: 0, tls: { certificate, key: new Secret(key) } };
    await withListener({ config: { http } }, async (running) => {
      const { port, url } = running;
      await withSession(url, async (session) => {
        const { json } = await send2(session, "/health");
        expect({ alpn: session.alpnProtocol, json: json() }).toEqual({ alpn: "h2", json: { status: "serving" } });
      });
      for (const ALPNProtocols of [["http/1.1"], undefined]) {
        const request = httpsRequest({
          host: "127.0.0.1",
          port,
          path: "/v1/health",
          ca: certificate,
          agent: false,
          ...(ALPNProtocols && { ALPNProtocols }),
        });
        request.end();
        const [response] = await once(request, "response");
        response.resume();
        expect(response.statusCode).toBe(200);
      }
      const wire = WIRES.find(({ name }) => name === "grpc+proto over HTTP/2");
      if (wire === undefined) throw new Error("no wire");
      expect((await chat(wire, running, chatRequest())).error).toBeUndefined();
    });
  });

  test("under TLS hangs up on plain text and garbage, and lives", async () => {
    const { certificate, key } = createCertificate();
    const http = { host: "127.0.0.1", port: 0, tls: { certificate, key: new Secret(key) } };
    await withListener({ config: { http } }, async ({ port, url, bugs }) => {
      await within(sendBytes(port, GET), { what: "the end" });
      await within(sendBytes(port, Buffer.alloc(2000, 0xaa)), { what: "the end" });
      await withSession(url, async (session) => expect((await send2(session, "/health")).status).toBe(200));
      expect(bugs).toEqual([]);
    });
  });

  test("rejects an address that is taken", async () => {
    await withListener({}, async ({ port }) => {
      const config = { http: { host: "127.0.0.1", port } };
      await expect(withListener({ config }, async () => undefined)).rejects.toThrow(/EADDRINUSE/);
    });
  });
});

describe("a connection", () => {
  const shortest = { firstBytesMs: 100, headersMs: 100, requestMs: 300, idleMs: 100, lingerMs: 100 };

  // Mutants seen red: no timer in sniff; `listening` not emitted to the HTTP/1.1 server; no timer for an unused session; Node's own keep-alive and handshake timeouts.
  test.each([
    ["sends nothing", "", ""],
    ["sends half a preface", "PR", ""],
    ["sends half a line", "GET /hea", "408"],
    ["sends headers without end", "GET /health HTTP/1.1\r\nhost: localhost\r\nx: ", "408"],
    ["is idle after an answer", GET.replace("connection: close\r\n", ""), "200"],
    ["opens an HTTP/2 session and does nothing", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", ""],
    [
      "announces a body and sends none",
      "POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
      "504",
    ],
  ])("that %s is closed", async (_name, bytes, status) => {
    await withListener({ transport: shortest }, async ({ port, bugs }) => {
      const text = await within(sendBytes(port, Buffer.from(bytes, "latin1")), { what: "the server to close" });
      if (status !== "") expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(bugs).toEqual([]);
    });
  });

  test("under TLS that never shakes hands, or says nothing afterwards, is closed", async () => {
    const { certificate, key } = createCertificate();
    const http = { host: "127.0.0.1", port: 0, tls: { certificate, key: new Secret(key) } };
    await withListener({ config: { http }, transport: shortest }, async ({ port }) => {
      await within(sendBytes(port, ""), { what: "the end of the handshake" });
      for (const ALPNProtocols of [["h2"], ["http/1.1"]]) {
        const socket = tlsConnect({ port, host: "127.0.0.1", ca: certificate, ALPNProtocols });
        socket.on("error", () => undefined);
        socket.resume();
        await within(once(socket, "close"), { what: "the end of silence" });
      }
    });
  });

  test("beyond the most there may be is dropped", async () => {
    await withListener({ transport: { maxConnections: 1 } }, async ({ port }) => {
      const first = tcpConnect(port, "127.0.0.1");
      await once(first, "connect");
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await within(sendBytes(port, ""), { what: "the drop" })).toBe("");
      first.destroy();
    });
  });

  test("that serves a long answer is not taken for an idle one", async () => {
    await withListener({ transport: shortest }, async ({ port, url }) => {
      const request = scripted({ text: "a" }, { delay_ms: 400 }, { text: "b" });
      const { text } = await post(port, "/chat", request);
      expect(parseSse(text).at(-1)?.event).toBe("done");
      await withSession(url, async (session) => {
        const sent = { headers: { "content-type": "application/json" }, body: JSON.stringify(request) };
        const { text: over2 } = await send2(session, "/chat", sent);
        expect(parseSse(over2).at(-1)?.event).toBe("done");
      });
    });
  });

  // Mutant seen red: no count of early resets.
  test("that resets requests as fast as it makes them is destroyed", async () => {
    await withListener({}, async ({ url, dispatcher }) => {
      await withSession(url, async (session) => {
        const closed = once(session, "close");
        await once(session, "remoteSettings");
        for (let index = 0; index < 200 && !session.destroyed; index += 1) {
          const stream = session.request({ ":method": "POST", ":path": "/chat", "content-type": "application/json" });
          stream.on("error", () => undefined);
          stream.close(8);
        }
        await within(closed, { what: "the session's end" });
        await waitFor(() => dispatcher.running === 0, { what: "the calls' end" });
      });
    });
  });
});

function collect(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  return once(socket, "close").then(() => Buffer.concat(chunks).toString("latin1"));
}
