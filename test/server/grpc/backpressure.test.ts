import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { createMock } from "../../support/backend.ts";
import { createScriptedAdapter, finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import { chat, chatBytes, chatRequest, startChat, withClient } from "./client.ts";
import { playEndlessly } from "./plays.ts";
import { chatHeaders, frame, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

const text = "x".repeat(1000);

describe("a caller that stops reading", () => {
  // Mutant seen red: not waiting until the stream has taken what was written.
  test("costs at most 256 KiB a stream: its provider is not read on, others are served", async () => {
    const endless = playEndlessly(text);
    const adapters = [createScriptedAdapter({ name: "near", play: endless.play }), createMock()];
    await withListener({ adapters }, async ({ port }) => {
      await withSession(port, async (session) => {
        const streams: ClientHttp2Stream[] = [];
        for (let count = 0; count < 20; count += 1) {
          const stream = session.request(chatHeaders);
          stream.on("error", () => undefined);
          stream.end(frame(chatBytes()));
          streams.push(stream);
        }
        await waitFor(() => endless.reads.length === 20, { what: "twenty calls" });
        await withClient(port, async (client) => {
          const busy = { ...chatRequest("hi", [{ text: [text], repeat: 5000 }]), provider: "mock" };
          const { events, failure } = await chat(client, busy);
          expect(failure).toBeUndefined();
          expect(events.length).toBeGreaterThan(5000);
        });
        for (const reads of endless.reads) {
          expect(reads).toBeGreaterThan(0);
          expect(reads * text.length).toBeLessThanOrEqual(256 * 1024);
        }
      });
    });
  });

  test("gets the rest when it reads again", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const stream = startChat(client, chatRequest("hi", [{ text: [text], repeat: 2000 }]));
        stream.pause();
        stream.on("error", () => undefined);
        await chat(client, chatRequest("hi", [{ text: ["a"], repeat: 500 }]));
        const sequences: number[] = [];
        for await (const event of stream) sequences.push(event.sequence);
        expect(sequences).toEqual(Array.from({ length: 2004 }, (_, index) => index + 1));
      });
    });
  });

  // Mutant seen red: a large message written as one piece.
  test("is not cut off while it takes one large message slowly", async () => {
    const size = 4_000_000;
    const play: Play = async function* ({ step }) {
      yield [textDelta({ step, part: 0 }, "x".repeat(size)), finishedEvent()];
    };
    await withListener({ play, transport: { stallMs: 500 } }, async ({ port }) => {
      await withSession(port, async (session) => {
        const stream = session.request(chatHeaders);
        const trailers = once(stream, "trailers");
        stream.end(frame(chatBytes()));
        let received = 0;
        for await (const chunk of stream) {
          received += chunk.length;
          await sleep(4);
        }
        expect(received).toBeGreaterThan(size);
        expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
      });
    });
  });

  // Mutant seen red: no bound on how long a stream may be stalled.
  test("for good is cut off", async () => {
    const endless = playEndlessly(text);
    await withListener({ play: endless.play, transport: { stallMs: 50 } }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const stream = session.request(chatHeaders);
        stream.on("error", () => undefined);
        stream.end(frame(chatBytes()));
        await waitFor(() => endless.closed() === 1 && dispatcher.running === 0, { what: "the call's end" });
      });
    });
  });
});
