import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { callGrpc } from "./clients.ts";
import { startGateway } from "./gateway.ts";
import type { Scenario } from "./scenario.ts";

const boundKib = 256;

/**
 * Callers open a stream and then read nothing, while the provider has megabytes to say. The provider must be held back, and the gateway's
 * memory must grow by little for each. Mutant seen red: writing on without waiting for the reader.
 */
export const stalledReaders: Scenario = {
  name: "stalled readers",
  run: async ({ seed, size }) => {
    const body = syntheticChat({ seed, chunks: 20_000, text: "word ".repeat(200_000) }).body;
    const headers = { "content-type": "text/event-stream" };
    const emulator = await createEmulator({ seed, answer: () => ({ headers, body, delivery: { kind: "whole" } }) });
    const gateway = await startGateway(emulator.baseUrl);
    const url = `http://127.0.0.1:${gateway.grpcPort}`;
    const warm = connect(url);
    const stalled = connect(url);
    try {
      // The same number of streams that are read, so that what is measured is the stalling and not the first use of the code.
      for (let index = 0; index < size; index += 1) callGrpc(warm, "any", "warm");
      await emulator.waitForRequest(size - 1);
      await emulator.waitForIdle(60_000);
      await sleep(2000);
      const before = await gateway.rssBytes();
      const first = emulator.requests.length;
      for (let index = 0; index < size; index += 1) callGrpc(stalled, "any", "stalled", false);
      await emulator.waitForRequest(first + size - 1);
      await sleep(5000);
      const running = emulator.requests.slice(first).filter(({ closedAtMs }) => closedAtMs === undefined).length;
      const growthKib = ((await gateway.rssBytes()) - before) / 1024 / size;
      return [
        { text: `${size} readers stalled on answers of ${(body.length / 1e6).toFixed(1)} MB` },
        { text: `the provider is held back on ${running} of them`, failed: running < size },
        {
          text: `memory grew by ${growthKib.toFixed(0)} KiB a stream, bound ${boundKib}`,
          failed: growthKib > boundKib,
        },
        { text: `the gateway is ${gateway.alive() ? "alive" : "gone"}`, failed: !gateway.alive() },
      ];
    } finally {
      warm.destroy();
      stalled.destroy();
      await gateway.stop();
      await emulator.close();
    }
  },
};
