import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { createGrpcListener } from "../../../src/server/grpc/listener.ts";
import { createMock } from "../../support/backend.ts";
import { createScriptedAdapter, type Play } from "../../support/scripted-adapter.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chat, chatBytes, chatRequest, checkHealth, collect, startChat, watchHealth, withClient } from "./client.ts";
import { playAndWait, playEndlessly } from "./plays.ts";
import { chatHeaders, frame, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

const isOpen = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1");
  const opened = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
};

describe("a listener that drains", () => {
  // Mutants seen red: closing without the dispatcher's drain; health that does not know of the drain.
  test("lets running calls end, refuses new ones, says so to probes, and closes", async () => {
    const gate = Promise.withResolvers<void>();
    const waiting = createScriptedAdapter({
      name: "waiting",
      play: async function* (input) {
        await gate.promise;
        yield* createMock().chat(input);
      },
    });
    await withListener({ adapters: [waiting] }, async ({ port, listener, dispatcher }) => {
      await withClient(port, async (client) => {
        const watched = watchHealth(client);
        expect(await checkHealth(client)).toMatchObject({ response: { status: ServingStatus.SERVING } });
        const running = chat(client);
        await waitFor(() => dispatcher.running === 1, { what: "a running call" });
        const drained = listener.drain();
        const { failure } = await chat(client);
        expect(failure).toMatchObject({ code: status.UNAVAILABLE, info: { reason: "DRAINING" } });
        expect(await checkHealth(client)).toMatchObject({ response: { status: ServingStatus.NOT_SERVING } });
        gate.resolve();
        expect((await running).failure).toBeUndefined();
        await within(drained, { what: "the drain" });
        expect(await watched).toMatchObject({
          statuses: [ServingStatus.SERVING, ServingStatus.NOT_SERVING],
          failure: { code: status.UNAVAILABLE, info: { reason: "DRAINING" } },
        });
        expect(await isOpen(port)).toBe(false);
      });
    });
  });

  test("ends what has not ended in its time with INTERRUPTED", async () => {
    await withListener({ play: playAndWait, limits: { drainMs: 20 } }, async ({ port, listener }) => {
      await withClient(port, async (client) => {
        const stream = startChat(client);
        const outcome = collect(stream);
        await once(stream, "data");
        await within(listener.drain(), { what: "the drain" });
        expect((await outcome).failure).toMatchObject({ code: status.ABORTED, info: { reason: "INTERRUPTED" } });
      });
    });
  });

  // Mutant seen red: as little time for the last words as a deadline leaves, so that a hundred calls that end at once were told INTERRUPTED alone.
  test("says of what it ends what was done and used, also if that takes a while to know", async () => {
    const play: Play = async function* ({ step, attempt, signal }) {
      yield [
        usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 7 }, false),
        textDelta({ step, part: 0 }, "begun"),
      ];
      await once(signal, "abort");
      await sleep(100);
      throw signal.reason;
    };
    await withListener({ play, limits: { drainMs: 20 } }, async ({ port, listener }) => {
      await withClient(port, async (client) => {
        const stream = startChat(client);
        const outcome = collect(stream);
        await once(stream, "data");
        await within(listener.drain(), { what: "the drain" });
        const { events, failure } = await outcome;
        expect(failure).toMatchObject({
          code: status.ABORTED,
          info: { reason: "INTERRUPTED", metadata: { partial: "true" } },
          chatFailure: { usage: { inputTotal: 7 }, lastSequence: events.length, attempts: [{ attempt: 0 }] },
        });
      });
    });
  });

  // Mutant seen red: waiting for grpc-js to be done alone.
  test("does not wait for callers that do not read or do not go", async () => {
    const endless = playEndlessly("x".repeat(1000));
    const options = { play: endless.play, limits: { drainMs: 20 }, transport: { lingerMs: 20 } };
    await withListener(options, async ({ port, listener }) => {
      await withSession(port, async (session) => {
        const stream = session.request(chatHeaders);
        stream.on("error", () => undefined);
        stream.end(frame(chatBytes()));
        await waitFor(() => (endless.reads[0] ?? 0) > 60, { what: "a full stream" });
        const silent = connect(port, "127.0.0.1");
        silent.on("error", () => undefined);
        await once(silent, "connect");
        await within(listener.drain(), { what: "the drain" });
        expect(endless.closed()).toBe(1);
        silent.destroy();
      });
    });
  });

  // Mutant seen red: a second drain that waits for the first.
  test("and is told to a second time closes at once", async () => {
    const adapter = createScriptedAdapter({ name: "near", play: playAndWait });
    const patient = { limits: { drainMs: 600_000 }, transport: { lingerMs: 600_000 } };
    await withListener({ adapters: [adapter], ...patient }, async ({ port, listener }) => {
      await withClient(port, async (client) => {
        const stream = startChat(client);
        const outcome = collect(stream);
        await once(stream, "data");
        const drained = listener.drain();
        await within(Promise.all([listener.drain(), drained]), { what: "both drains" });
        expect((await outcome).failure?.code).toBeDefined();
        expect(adapter.inputs[0]?.signal.aborted).toBe(true);
      });
    });
  });
});

describe("a listener", () => {
  // Mutant seen red: connections left to end by themselves.
  test("that is closed cancels what runs", async () => {
    const adapter = createScriptedAdapter({ name: "near", play: playAndWait });
    const patient = { transport: { lingerMs: 600_000 } };
    await withListener({ adapters: [adapter], ...patient }, async ({ port, listener, dispatcher }) => {
      await withClient(port, async (client) => {
        const outcome = collect(startChat(client, chatRequest()));
        await waitFor(() => adapter.inputs.length === 1, { what: "the call" });
        await within(listener.close(), { what: "the close" });
        expect((await outcome).failure?.code).toBe(status.UNAVAILABLE);
        await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
        expect(adapter.inputs[0]?.signal.aborted).toBe(true);
      });
    });
  });

  test("whose port is taken says so", async () => {
    await withListener({}, async ({ port, deps }) => {
      const second = createGrpcListener({ ...deps, settings: { host: "127.0.0.1", port } });
      await expect(second.listen()).rejects.toThrow(/EADDRINUSE/);
      await second.close();
    });
  });

  test("that is closed before it listened is closed", async () => {
    await withListener({}, async ({ deps }) => {
      await createGrpcListener(deps).close();
    });
  });
});
