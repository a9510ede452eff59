import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { waitFor, within } from "../../support/wait.ts";
import { plain, playAll, withListener, withSession } from "./setup.ts";

describe("the pace", () => {
  // Mutants seen red: a write an event; not waiting for the drain.
  test("is one write for the events of one provider read", async () => {
    const burst = Array.from({ length: 200 }, (_each, index) => textDelta({ step: 0, part: 0 }, `${index}`));
    await withListener({ play: playAll([burst, [finishedEvent()]]) }, async ({ port }) => {
      const { chunks } = await chunksOf(port);
      const holding = chunks.filter((chunk) => chunk.includes("event: token"));
      expect(holding).toHaveLength(1);
    });
  });

  test("is the client's: a reader that stops makes the provider wait, and one that leaves ends it", async () => {
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
    await withListener({ play }, async ({ port, dispatcher }) => {
      const response = await openChat(port);
      response.pause();
      const stalled = await settledCount(() => read);
      // 16 KiB each: the kernel's buffers and ours hold some, never all.
      expect(stalled).toBeLessThan(1000);
      response.destroy();
      expect(await within(ended.promise, { what: "the provider's end" })).toMatchObject({ reason: "CANCELLED" });
      await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
    });
  });

  test("over HTTP/2 is the client's too", async () => {
    let read = 0;
    const ended = Promise.withResolvers<void>();
    const play: Play = async function* ({ signal }) {
      try {
        for (; ; read += 1) {
          signal.throwIfAborted();
          yield [textDelta({ step: 0, part: 0 }, "x".repeat(16_384))];
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        ended.resolve();
      }
    };
    await withListener({ play }, async ({ url }) => {
      await withSession(url, async (session) => {
        const stream = session.request({ ":method": "POST", ":path": "/chat", "content-type": "application/json" });
        stream.on("error", () => undefined);
        stream.end(JSON.stringify(plain()));
        await once(stream, "response");
        expect(await settledCount(() => read)).toBeLessThan(100);
        stream.close(8);
        await within(ended.promise, { what: "the provider's end" });
      });
    });
  });

  test("has a bound: a client that takes nothing for too long is cut off", async () => {
    const ended = Promise.withResolvers<unknown>();
    const play: Play = async function* ({ signal }) {
      try {
        while (true) {
          signal.throwIfAborted();
          yield [textDelta({ step: 0, part: 0 }, "x".repeat(65_536))];
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        ended.resolve(signal.reason);
      }
    };
    await withListener({ play, transport: { stallMs: 100 } }, async ({ port }) => {
      const response = await openChat(port);
      response.on("error", () => undefined);
      response.pause();
      expect(await within(ended.promise, { what: "the cut" })).toMatchObject({ reason: "CANCELLED" });
      response.destroy();
    });
  });
});

async function openChat(port: number): Promise<IncomingMessage> {
  const headers = { "content-type": "application/json" };
  const request = httpRequest({ host: "127.0.0.1", port, path: "/chat", method: "POST", headers, agent: false });
  request.on("error", () => undefined);
  request.end(JSON.stringify(plain()));
  const [response] = await once(request, "response");
  return response;
}

/** The chunks of HTTP/1.1's chunked coding, which the client's `data` events keep apart. */
async function chunksOf(port: number): Promise<{ readonly chunks: string[] }> {
  const response = await openChat(port);
  const chunks: string[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk.toString("utf8")));
  await once(response, "end");
  return { chunks };
}

/** Waits until a count stands still. */
async function settledCount(count: () => number): Promise<number> {
  while (true) {
    const before = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (before > 0 && count() === before) return before;
  }
}
