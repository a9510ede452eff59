import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { askGrpc } from "./clients.ts";
import { startGateway } from "./gateway.ts";
import type { Scenario } from "./scenario.ts";

const perSecond = 500;
const tickMs = 10;
const boundRatio = 1.2;
const healedSeconds = 10;
const boundHealSeconds = 5;
const boundShare = 0.99;
const connections = 4;

/** A call: when it was made, and what became of it. */
interface Asked {
  readonly atMs: number;
  readonly status: Promise<number>;
}

/**
 * The only provider of a persona answers everything with 503, while callers come at a fixed rate, whatever becomes of them; `size` is for how many
 * seconds. Then it is well again. What it is asked must stay near what was asked of the gateway, and calls must succeed again soon. Mutant seen red:
 * retries without a budget at a breaker that never opens (3 requests a call); a cooldown of a minute (no success within 5 s).
 */
export const deadProvider: Scenario = {
  name: "dead provider",
  run: async ({ seed, size }) => {
    let isDead = true;
    const { body } = syntheticChat({ seed, chunks: 5 });
    const emulator = await createEmulator({
      seed,
      answer: () =>
        isDead
          ? {
              status: 503,
              headers: { "content-type": "application/json" },
              body: Buffer.from('{"error":{"message":"down"}}'),
            }
          : { headers: { "content-type": "text/event-stream" }, body },
    });
    const gateway = await startGateway(emulator.baseUrl);
    const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${gateway.grpcPort}`));
    try {
      const dead = await askAtRate(sessions, size);
      const statuses = await Promise.all(dead.map(({ status }) => status));
      const upstream = emulator.requests.length;
      const ratio = upstream / dead.length;
      isDead = false;
      const healedAtMs = performance.now();
      const healed = await askAtRate(sessions, healedSeconds);
      const healMs = await timeToHeal(healed, healedAtMs);
      return [
        {
          text: `${dead.length} calls in ${size} s, ${statuses.filter((status) => status === 0).length} of them answered`,
        },
        {
          text: `${upstream} requests at the provider, ${ratio.toFixed(3)} a call, bound ${boundRatio}`,
          failed: ratio > boundRatio || upstream === 0,
        },
        {
          text: `${boundShare * 100} % of the calls succeed from ${(healMs / 1000).toFixed(1)} s after it is well again, bound ${boundHealSeconds} s`,
          failed: healMs > boundHealSeconds * 1000,
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

/** Makes calls at the rate, none of which waits for another. */
async function askAtRate(sessions: readonly ClientHttp2Session[], seconds: number): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startedAtMs) {
    const due = Math.min(seconds * perSecond, Math.ceil((elapsedMs / 1000) * perSecond));
    while (asked.length < due) {
      const session = sessions[asked.length % sessions.length];
      if (session === undefined) throw new Error("there is no connection");
      asked.push({ atMs: performance.now(), status: askGrpc(session, "any", `call ${asked.length}`) });
    }
    await sleep(tickMs);
  }
  return asked;
}

/** From when on nearly all of the calls succeed, in milliseconds; infinite if they never do. */
async function timeToHeal(asked: readonly Asked[], healedAtMs: number): Promise<number> {
  const statuses = await Promise.all(asked.map(({ status }) => status));
  let failures = 0;
  let from = Number.POSITIVE_INFINITY;
  for (let index = asked.length - 1; index >= 0; index -= 1) {
    if (statuses[index] !== 0) failures += 1;
    if (failures / (asked.length - index) > 1 - boundShare) break;
    from = (asked[index]?.atMs ?? 0) - healedAtMs;
  }
  return from;
}
