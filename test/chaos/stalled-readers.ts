import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { callGrpc } from "./clients.ts";
import { startGateway } from "./gateway.ts";
import type { Scenario } from "./scenario.ts";

/**
 * One read of the provider's socket (64 KiB), what the log of the stream keeps of what its reader was sent or will be (72 to 80 KiB: HTTP/2's first
 * window, in blocks of which a process keeps 64 MiB), and what a call is made of.
 */
const boundKib = 256;
const settleMs = 3000;
const groups = 3;

/**
 * Callers open a stream and then read nothing, while the provider has megabytes to say. The provider must be held back, and the gateway's
 * memory must grow by little for each. Mutants seen red: writing on without waiting for the reader; `takeInPieces` left out of the connector.
 */
export const stalledReaders: Scenario = {
  name: "stalled readers",
  run: async ({ seed, size }) => {
    // More than the kernel's socket buffers take on the way.
    const body = syntheticChat({ seed, chunks: 100_000, text: "word ".repeat(200_000) }).body;
    const headers = { "content-type": "text/event-stream" };
    const emulator = await createEmulator({ seed, answer: () => ({ headers, body }) });
    const gateway = await startGateway(emulator.baseUrl);
    const stall = async (): Promise<ClientHttp2Session> => {
      const session = connect(`http://127.0.0.1:${gateway.grpcPort}`);
      const first = emulator.requests.length;
      for (let index = 0; index < size; index += 1) callGrpc(session, "any", "stalled", false);
      await emulator.waitForRequest(first + size - 1);
      await sleep(settleMs);
      return session;
    };
    const sessions: ClientHttp2Session[] = [];
    try {
      // Half of them do not count: what is measured is what a reader more holds, not what a process takes to work at all. Several groups, so
      // that it matters less when garbage is collected.
      for (let group = 0; group < groups; group += 1) sessions.push(await stall());
      const before = await gateway.memory();
      for (let group = 0; group < groups; group += 1) sessions.push(await stall());
      const stalled = groups * size;
      const running = emulator.inFlight();
      const after = await gateway.memory();
      const growthKib = (after.heldBytes - before.heldBytes) / 1024 / stalled;
      const residentKib = (after.rssBytes - before.rssBytes) / 1024 / stalled;
      return [
        { text: `${stalled} readers more than ${stalled} stalled on answers of ${(body.length / 1e6).toFixed(1)} MB` },
        { text: `the provider is held back on ${running} of them all`, failed: running < 2 * stalled },
        {
          text: `memory held grew by ${growthKib.toFixed(0)} KiB a stream, bound ${boundKib}; resident by ${residentKib.toFixed(0)} KiB`,
          failed: growthKib > boundKib,
        },
        { text: `the gateway is ${gateway.alive() ? "alive" : "gone"}`, failed: !gateway.alive() },
      ];
    } finally {
      for (const session of sessions) session.destroy();
      await gateway.stop();
      await emulator.close();
    }
  },
};
