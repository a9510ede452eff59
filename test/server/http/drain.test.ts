import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect as http2Connect } from "node:http2";
import { connect as tcpConnect } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chatRequest, parseSse, plain, post, send, withListener } from "./setup.ts";
import { chat, WIRES } from "./wires.ts";

/** Plays text, then waits until it is told to finish. */
function held(): { readonly play: Play; readonly finish: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const play: Play = async function* ({ step, signal }) {
    yield [textDelta({ step, part: 0 }, "a")];
    const left = once(signal, "abort").then(() => signal.throwIfAborted());
    await Promise.race([promise, left]);
    yield [textDelta({ step, part: 0 }, "b"), finishedEvent()];
  };
  return { play, finish: resolve };
}

describe("a drain", () => {
  // Mutant seen red: closing the port before the dispatcher has drained.
  test("lets running streams finish, refuses new calls, says so at /health, then closes the port", async () => {
    const { play, finish } = held();
    await withListener({ play }, async (running) => {
      const { port, listener, dispatcher } = running;
      const sse = post(port, "/chat", plain());
      const streams = WIRES.filter(({ name }) => /^(connect|grpc)\+proto/.test(name));
      const calls = streams.map((wire) => chat(wire, running, chatRequest()));
      await waitFor(() => dispatcher.running === 1 + streams.length, { what: "the calls" });
      const drained = listener.drain();
      const health = await send(port, "/health");
      expect({ status: health.status, json: health.json(), connection: health.headers.connection }).toEqual({
        status: 503,
        json: { status: "draining" },
        connection: "close",
      });
      const refused = await post(port, "/chat", plain());
      expect({ status: refused.status, reason: refused.json().reason, retry: refused.headers["retry-after"] }).toEqual({
        status: 503,
        reason: "DRAINING",
        retry: "0",
      });
      for (const wire of streams) {
        expect((await wire.call(running, new Uint8Array())).error).toMatchObject({
          code: "UNAVAILABLE",
          details: [{ reason: "DRAINING" }, {}],
        });
      }
      finish();
      await within(drained, { what: "the drain" });
      expect(parseSse((await sse).text).at(-1)?.event).toBe("done");
      for (const { error, events } of await Promise.all(calls)) {
        expect({ error, last: events.at(-1)?.event.case }).toEqual({ error: undefined, last: "finished" });
      }
      await expect(send(port, "/health")).rejects.toThrow(/ECONNREFUSED/);
    });
  });

  test("ends with INTERRUPTED what does not finish in time", async () => {
    const { play } = held();
    await withListener({ play, limits: { drainMs: 50 } }, async ({ port, listener, dispatcher }) => {
      const sse = post(port, "/chat", plain());
      await waitFor(() => dispatcher.running === 1, { what: "the call" });
      await within(listener.drain(), { what: "the drain" });
      expect(parseSse((await sse).text).at(-1)).toMatchObject({
        event: "error",
        data: { code: "ABORTED", reason: "INTERRUPTED" },
      });
    });
  });

  test("closes connections that are idle, of both versions", async () => {
    await withListener({}, async ({ port, url, listener }) => {
      const agent = new Agent({ keepAlive: true });
      const [response] = await once(get({ host: "127.0.0.1", port, path: "/health", agent }), "response");
      response.resume();
      await once(response, "end");
      const session = http2Connect(url);
      await once(session, "remoteSettings");
      const ended = once(session, "close");
      const silent = tcpConnect(port, "127.0.0.1");
      silent.on("error", () => undefined).resume();
      await once(silent, "connect");
      await within(listener.drain(), { what: "the drain" });
      await within(ended, { what: "the session's end" });
      agent.destroy();
    });
  });

  // Mutant seen red: a second call that waits like the first.
  test("is forced by a second call", async () => {
    const { play } = held();
    await withListener({ play }, async ({ port, listener, dispatcher }) => {
      const sse = post(port, "/chat", plain()).catch((thrown: unknown) => thrown);
      await waitFor(() => dispatcher.running === 1, { what: "the call" });
      const first = listener.drain();
      await within(listener.drain(), { what: "the forced end" });
      await within(first, { what: "the first call" });
      expect(await sse).toMatchObject({ message: expect.stringMatching(/aborted|hang up|ECONNRESET/) });
      expect(dispatcher.running).toBe(0);
    });
  });
});

test("close ends a listener that never listened, and twice", async () => {
  await withListener({}, async ({ listener }) => {
    await listener.close();
    await listener.close();
  });
});
