import { type ClientHttp2Session, connect } from "node:http2";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmulator } from "../emulators/emulator.ts";
import type { Delivery } from "../emulators/exchange.ts";
import { createRandom, integerBetween } from "../emulators/random.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { callGrpc, callSse } from "./clients.ts";
import { startGateway } from "./gateway.ts";
import type { Finding, Scenario } from "./scenario.ts";

const boundMs = 500;
const settleMs = 2000;
const warmUp = 50;
/** Callers at once, each from an address of its own: one that only ever leaves is locked out after some hundred calls. */
const callers = 50;
const addressOf = (caller: number): string => `127.0.2.${1 + caller}`;

/**
 * Callers leave in the middle of their streams, at any moment: before the provider's headers, between chunks, while the provider is silent.
 * The provider must see each of its requests closed soon after, and none may be left. Mutant seen red: an adapter that ignores the signal.
 */
export const abortedStreams: Scenario = {
  name: "aborted streams",
  run: async ({ seed, size }) => {
    const random = createRandom(seed);
    const deliveries: readonly Delivery[] = [
      { kind: "event-per-write", delayMs: 5 },
      { kind: "stall-after-events", events: 3 },
      { kind: "hold-headers" },
    ];
    const body = syntheticChat({ seed, chunks: 2000 }).body;
    const short = syntheticChat({ seed, chunks: 50 }).body;
    const headers = { "content-type": "text/event-stream" };
    const abortedAt = new Map<string, number>();
    const now = (): number => performance.timeOrigin + performance.now();
    const emulator = await createEmulator({
      seed,
      answer: ({ index }) =>
        index < 2 * warmUp
          ? { headers, body: short }
          : { headers, body, delivery: deliveries[index % deliveries.length] ?? { kind: "whole" } },
    });
    const gateway = await startGateway(emulator.baseUrl);
    const sessions = Array.from({ length: callers }, (_each, caller) => {
      const from = { host: "127.0.0.1", port: gateway.grpcPort, localAddress: addressOf(caller) };
      return connect(`http://127.0.0.1:${gateway.grpcPort}`, { createConnection: () => createConnection(from) });
    });
    // A session that is ended takes its calls with it, which are then missing at the provider.
    for (const session of sessions) session.on("error", () => undefined);
    try {
      // What is measured is a gateway that runs, not the first use of its code.
      for (const session of sessions.slice(0, warmUp)) {
        callGrpc(session, "any", "warm");
        callSse(gateway.httpPort, "any", "warm");
      }
      await emulator.waitForRequest(2 * warmUp - 1);
      await emulator.waitForIdle(60_000);
      await sleep(settleMs);
      let left = size;
      const worker = async (session: ClientHttp2Session, caller: number): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const prompt = `caller ${left}`;
          const call =
            left % 2 === 0
              ? callGrpc(session, "any", prompt)
              : callSse(gateway.httpPort, "any", prompt, addressOf(caller));
          await sleep(integerBetween(random, 0, 1000));
          abortedAt.set(prompt, now());
          call.abort();
        }
      };
      await Promise.all(sessions.map(worker));
      await sleep(settleMs);
      const inFlight = emulator.inFlight();
      const delays = emulator.requests.flatMap((request) => {
        const prompt = /caller \d+/.exec(Buffer.from(request.rawBody).toString("utf8"))?.[0];
        const aborted = prompt === undefined ? undefined : abortedAt.get(prompt);
        return aborted === undefined ? [] : [(request.closedAtMs ?? Number.POSITIVE_INFINITY) - aborted];
      });
      const late = delays.filter((delay) => delay > boundMs);
      const sorted = delays.sort((a, b) => a - b);
      const findings: Finding[] = [
        { text: `${size} streams aborted, ${delays.length} of them after they had reached the provider` },
        {
          text: `closed at the provider after p50 ${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} ms, at most ${sorted.at(-1)?.toFixed(1)} ms; ${late.length} later than ${boundMs} ms`,
          failed: late.length > 0 || delays.length < 0.9 * size,
        },
        { text: `${inFlight} in flight after ${settleMs} ms`, failed: inFlight > 0 },
        { text: `the gateway is ${gateway.alive() ? "alive" : "gone"}`, failed: !gateway.alive() },
      ];
      return findings;
    } finally {
      for (const session of sessions) session.destroy();
      await gateway.stop();
      await emulator.close();
    }
  },
};
