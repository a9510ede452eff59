import { once } from "node:events";
import { constants } from "node:http2";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { answer, createScriptedAdapter } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import { chat, chatBytes, startChat, withClient } from "./client.ts";
import { playEndlessly } from "./plays.ts";
import { chatHeaders, frame, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

describe("a caller that leaves", () => {
  // Mutant seen red: `onCancel` not handed on.
  test("ends its call: the signal fires, the provider's iterator is closed, the slot is free", async () => {
    const endless = playEndlessly("word");
    const adapter = createScriptedAdapter({ name: "near", play: endless.play });
    await withListener({ adapters: [adapter] }, async ({ port, dispatcher }) => {
      await withClient(port, async (client) => {
        const stream = startChat(client);
        stream.on("error", () => undefined);
        await once(stream, "data");
        stream.cancel();
        await waitFor(() => endless.closed() === 1 && dispatcher.running === 0, { what: "the call's end" });
        expect(adapter.inputs[0]?.signal.reason).toMatchObject({ reason: "CANCELLED" });
      });
    });
  });

  test("without a word ends all its calls", async () => {
    const endless = playEndlessly("word");
    await withListener({ play: endless.play }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        for (let count = 0; count < 20; count += 1) {
          const stream = session.request(chatHeaders);
          stream.on("error", () => undefined);
          stream.end(frame(chatBytes()));
          stream.resume();
        }
        await waitFor(() => endless.reads.length === 20, { what: "twenty calls" });
        session.destroy();
        await waitFor(() => endless.closed() === 20 && dispatcher.running === 0, { what: "the calls' end" });
      });
    });
  });

  test("while it is not reading ends its call", async () => {
    const endless = playEndlessly("x".repeat(1000));
    await withListener({ play: endless.play }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const stream = session.request(chatHeaders);
        stream.on("error", () => undefined);
        stream.end(frame(chatBytes()));
        await waitFor(() => (endless.reads[0] ?? 0) > 60, { what: "a full stream" });
        stream.close(constants.NGHTTP2_CANCEL);
        await waitFor(() => endless.closed() === 1 && dispatcher.running === 0, { what: "the call's end" });
      });
    });
  });

  // Mutant seen red: a call that was never run is not ended by its signal.
  test("before its request has come ends its call", async () => {
    await withListener({}, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const stream = session.request(chatHeaders);
        stream.on("error", () => undefined);
        stream.write(frame(chatBytes()).subarray(0, 7));
        await waitFor(() => dispatcher.running === 1, { what: "the call" });
        stream.close(constants.NGHTTP2_CANCEL);
        await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
      });
    });
  });

  test("at once, hundreds of times, harms nobody", async () => {
    const endless = playEndlessly("word");
    await withListener({ play: endless.play }, async ({ port, dispatcher, bugs }) => {
      await withSession(port, async (session) => {
        for (let count = 0; count < 300; count += 1) {
          const stream = session.request(chatHeaders);
          stream.on("error", () => undefined);
          stream.end(frame(chatBytes()));
          stream.close(constants.NGHTTP2_CANCEL);
        }
      });
      await waitFor(() => dispatcher.running === 0, { what: "the calls' end" });
      expect(endless.closed()).toBe(endless.reads.length);
      expect(bugs).toEqual([]);
    });
  });

  // Mutant seen red: a cancellation whenever grpc-js says so, which it does after each status too.
  test("after it has its status cancels nothing", async () => {
    const adapter = createScriptedAdapter({ name: "near", play: answer("done") });
    await withListener({ adapters: [adapter] }, async ({ port }) => {
      await withClient(port, async (client) => {
        const { failure } = await chat(client);
        expect(failure?.code ?? status.OK).toBe(status.OK);
        await chat(client);
        expect(adapter.inputs[0]?.signal.aborted).toBe(false);
      });
    });
  });
});
