import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect as http2Connect } from "node:http2";
import { connect as tcpConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { Secret } from "../../../src/secret.ts";
import { createCertificate } from "../../support/certificate.ts";
import { finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chatRequest, envelope, plain, playAll, withListener, withSession } from "./setup.ts";

describe("the pace", () => {
  // Mutant seen red: a turn of the event loop between the events.
  test("is one write for the events of one provider read, on SSE and on Connect", async () => {
    const burst = Array.from({ length: 200 }, () => textDelta({ step: 0, part: 0 }, "needle"));
    await withListener({ play: playAll([burst, [finishedEvent()]]) }, async ({ port }) => {
      for (const opened of [openChat(port), openConnect(port)]) {
        const response = await opened;
        const chunks: string[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk.toString("latin1")));
        await once(response, "end");
        expect(chunks.filter((chunk) => chunk.includes("needle"))).toHaveLength(1);
      }
    });
  });

  // Mutants seen red: not waiting for the drain; the close of the connection not watched.
  test.each([
    ["SSE", openChat],
    ["Connect", openConnect],
  ])(
    "is the client's on %s: a reader that stops makes the provider wait, and one that leaves ends it",
    async (_name, start) => {
      const provider = endless();
      await withListener({ play: provider.play }, async ({ port, dispatcher }) => {
        const response = await start(port);
        response.pause();
        // 16 KiB a read: the kernel's buffers and ours hold some, never all.
        await standsStill(provider.reads, 1000);
        response.destroy();
        expect(await within(provider.ended, { what: "the provider's end" })).toMatchObject({ reason: "CANCELLED" });
        await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
      });
    },
  );

  test("is the client's over HTTP/2", async () => {
    const provider = endless();
    await withListener({ play: provider.play }, async ({ url }) => {
      await withSession(url, async (session) => {
        const stream = session.request({ ":method": "POST", ":path": "/chat", "content-type": "application/json" });
        stream.on("error", () => undefined);
        stream.end(JSON.stringify(plain()));
        await once(stream, "response");
        await standsStill(provider.reads, 100);
        stream.close(8);
        expect(await within(provider.ended, { what: "the provider's end" })).toMatchObject({ reason: "CANCELLED" });
      });
    });
  });

  // Mutant seen red: half-open connections of HTTP/2 left alone.
  test.each(["http", "https"])(
    "ends with the connection: a client of HTTP/2 (%s) that takes nothing and closes its side is gone",
    async (scheme) => {
      const provider = endless();
      const { certificate, key } = createCertificate();
      const tls = scheme === "https" ? { tls: { certificate, key: new Secret(key) } } : {};
      const config = { http: { host: "127.0.0.1", port: 0, ...tls } };
      await withListener({ play: provider.play, config }, async ({ port, url, dispatcher }) => {
        const address = { port, host: "127.0.0.1" };
        const socket =
          scheme === "https" ? tlsConnect({ ...address, ca: certificate, ALPNProtocols: ["h2"] }) : tcpConnect(address);
        const session = http2Connect(url, { createConnection: () => socket });
        session.on("error", () => undefined);
        const stream = session.request({ ":method": "POST", ":path": "/chat", "content-type": "application/json" });
        stream.on("error", () => undefined);
        stream.end(JSON.stringify(plain()));
        await once(stream, "response");
        await standsStill(provider.reads, 100);
        socket.end();
        expect(await within(provider.ended, { what: "the provider's end" })).toMatchObject({ reason: "CANCELLED" });
        await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
        session.destroy();
      });
    },
  );

  // Mutant seen red: no cut after stallMs.
  test("has a bound: a client that takes nothing for too long is cut off", async () => {
    const provider = endless();
    await withListener({ play: provider.play, transport: { stallMs: 100 } }, async ({ port }) => {
      const response = await openChat(port);
      response.on("error", () => undefined).pause();
      expect(await within(provider.ended, { what: "the cut" })).toMatchObject({ reason: "CANCELLED" });
      response.destroy();
    });
  });

  test("leaves the deadline in force: a client that takes nothing is told, should it read again", async () => {
    const provider = endless();
    await withListener({ play: provider.play, limits: { defaultDeadlineMs: 300 } }, async ({ port }) => {
      const response = await openChat(port);
      response.pause();
      expect(await within(provider.ended, { what: "the deadline" })).toMatchObject({ reason: "DEADLINE" });
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString("utf8").slice(-2000)).toContain("DEADLINE_EXCEEDED");
    });
  });
});

/** A provider that never stops by itself. */
function endless(): { readonly play: Play; readonly reads: () => number; readonly ended: Promise<unknown> } {
  let read = 0;
  const ended = Promise.withResolvers<unknown>();
  const play: Play = async function* ({ signal }) {
    try {
      for (; ; read += 1) {
        signal.throwIfAborted();
        yield [textDelta({ step: 0, part: 0 }, "x".repeat(16_384))];
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended.resolve(signal.reason);
    }
  };
  return { play, reads: () => read, ended: ended.promise };
}

function openChat(port: number): Promise<IncomingMessage> {
  return open(port, "/chat", "application/json", JSON.stringify(plain()));
}

function openConnect(port: number): Promise<IncomingMessage> {
  const body = envelope(toBinary(ChatRequestSchema, chatRequest()));
  return open(port, "/execution.v1.ExecutionService/Chat", "application/connect+proto", body);
}

async function open(port: number, path: string, type: string, body: string | Uint8Array): Promise<IncomingMessage> {
  const headers = { "content-type": type };
  const request = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers, agent: false });
  request.on("error", () => undefined);
  request.end(body);
  const [response] = await once(request, "response");
  return response;
}

/** Waits until a count stands still; fails if it goes beyond a limit before. */
async function standsStill(count: () => number, limit: number): Promise<void> {
  for (let before = -1; before !== count() || before === 0; ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (count() > limit) throw new Error(`went on to ${count()}`);
  }
}
