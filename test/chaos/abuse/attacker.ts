import { attacks } from "./attacks.ts";
import type { Wire } from "./callers.ts";
import type { AttackReport } from "./protocol.ts";

// The process attacks come from, so that the clock of those who measure is not theirs. It does what it is told, one attack at a time, to ports of
// this machine and no others, and ends with whoever started it.

/** What the attacker is told. */
export interface Order {
  readonly attack: string;
  readonly wire: Wire;
  readonly port: number;
  readonly localAddress: string;
  readonly durationMs: number;
}

process.on("message", async ({ attack, wire, port, localAddress, durationMs }: Order) => {
  const endsAt = performance.now() + durationMs;
  const found = attacks.find(({ name }) => name === attack);
  const target = { wire, port, localAddress, on: () => performance.now() < endsAt };
  try {
    if (found === undefined) throw new Error(`there is no attack ${attack}`);
    process.send?.({ wire, ...(await found.run(target)) } satisfies AttackReport);
  } catch (thrown) {
    process.send?.({ wire, opened: 0, ended: 0, problem: String(thrown) } satisfies AttackReport);
  }
});
process.on("disconnect", () => process.exit(0));
