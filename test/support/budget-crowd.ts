import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import { ChatError, type Client, FinishReason, Role, text } from "../../src/client/index.ts";
import { createRandom, type Random } from "../emulators/random.ts";
import type { HiddenThinker } from "./hidden-thinker.ts";

/** Output of a call of the crowd, at most. */
const MOST_OUTPUT_TOKENS = 12_400;

/**
 * A call of $0.10 at `o3`: output of $0.0992 at most, and its input, of which a fifth more is billed than a token for four bytes. It is short, since many that
 * come at once on one connection and are not read yet are overhead to the gateway, as of an attacker.
 */
const REQUEST = {
  messages: [{ role: Role.USER, parts: [text("Why? ".repeat(80))] }],
  sampling: { maxOutputTokens: MOST_OUTPUT_TOKENS },
};

/** Share of the callers that leave their call when it has begun. */
const LEAVING = 0.05;

/** How a call ended for its caller: `answered`, `capped` (ended by the maximum that its budget allowed, and told so), `left`, or the reason of its error (its message, if nobody gave one). */
export type CallEnd = string;

/** Makes one call; one that leaves does so at a moment that `random` decides. */
async function callOnce(client: Client, random: Random): Promise<CallEnd> {
  try {
    if (random() < LEAVING) {
      let events = 1 + Math.floor(random() * 4);
      for await (const _ of client.chat(REQUEST)) {
        events -= 1;
        if (events === 0) return "left";
      }
      return "answered";
    }
    const { finishReason, warnings } = await client.chat(REQUEST).collect();
    if (finishReason === FinishReason.STOP) return "answered";
    const isTold = warnings.some(({ code }) => code === "OUTPUT_CAPPED");
    return finishReason === FinishReason.LENGTH && isTold ? "capped" : `ended by ${FinishReason[finishReason]}`;
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown.reason === "" ? thrown.message : thrown.reason;
    throw thrown;
  }
}

/** Makes so many calls at once, spread over clients and a few milliseconds as the seed has it. */
export function callAtOnce(clients: readonly Client[], count: number, seed: number): Promise<readonly CallEnd[]> {
  const calls = Array.from({ length: count }, async (_, index) => {
    const random = createRandom(Math.imul(seed, 7_919) + index);
    const client = clients[Math.floor(random() * clients.length)];
    if (client === undefined) throw new Error("no clients");
    if (random() < 0.7) await sleep(random() * 40);
    return callOnce(client, random);
  });
  return Promise.all(calls);
}

/** Uses what is left of a budget, call after call, until one is refused by it. Throws if none is. */
export async function useUp(client: Client, seed: number): Promise<readonly CallEnd[]> {
  const random = createRandom(seed);
  const ends: CallEnd[] = [];
  while (ends.length < 200) {
    const end = await callOnce(client, random);
    ends.push(end);
    if (end === "BUDGET_EXCEEDED") return ends;
  }
  throw new Error(`no call was refused by the budget: ${JSON.stringify(countEnds(ends))}`);
}

/** Ends that a budget or the provider decides. What the provider does is told as what it is, and nothing ends in another way. */
const KNOWN_ENDS: ReadonlySet<CallEnd> = new Set([
  ...["answered", "capped", "left", "BUDGET_EXCEEDED"],
  // Refused; dropped; cut; ended before it began; failed each time it was tried.
  ...["PROVIDER_UNAVAILABLE", "PROVIDER_UNKNOWN", "PROVIDER_NETWORK", "UPSTREAM_TRUNCATED", "PROVIDER_PROTOCOL"],
  "NO_HEALTHY_TARGET",
]);

/** Expects that calls ended as budget and provider have it, and that what is opaque never went without a maximum that was held. */
export function expectCrowdEnds(ends: readonly CallEnd[], thinks: HiddenThinker): void {
  expect([...new Set(ends)].filter((end) => !KNOWN_ENDS.has(end))).toEqual([]);
  const refused = ends.filter((end) => end === "BUDGET_EXCEEDED");
  // $1.00 pays for ten of them, and for a few more that are refused by the provider.
  expect(refused.length).toBeGreaterThan(900);
  expect(thinks.caps().filter((cap = Number.POSITIVE_INFINITY) => cap > MOST_OUTPUT_TOKENS)).toEqual([]);
  // Five hold nearly all of it, each as much as its maximum costs in the dearest tier, and the sixth is sent what is left.
  expect(thinks.caps().filter((cap = 0) => cap > 0 && cap < MOST_OUTPUT_TOKENS)).not.toEqual([]);
  const { capped, silent } = thinks.ends();
  const [told, left] = ["capped", "left"].map((wanted) => ends.filter((end) => end === wanted).length);
  // Who left has not heard how it ended.
  expect(told).toBeGreaterThanOrEqual(capped - (left ?? 0));
  expect(told).toBeLessThanOrEqual(capped + silent);
}

/** Expects that a budget was overshot by $0 at each step, that nothing was billed beyond what it counts, and that it was used. */
export function expectNoOvershoot(
  thinks: HiddenThinker,
  amount: bigint,
  counted: { readonly settled: bigint; readonly reserved: bigint; readonly highest: bigint },
): void {
  const { settled, reserved, highest } = counted;
  const overshoot = (used: bigint): bigint => (used > amount ? used - amount : 0n);
  const billed = thinks.billedNanoUsd();
  expect({ highest: overshoot(highest), billed: overshoot(billed) }).toEqual({ highest: 0n, billed: 0n });
  expect(billed).toBeLessThanOrEqual(settled);
  expect(reserved).toBe(0n);
  expect(settled).toBeLessThanOrEqual(highest);
  expect(settled).toBeGreaterThan((amount * 9n) / 10n);
}

/** How often each end came. */
export function countEnds(ends: readonly CallEnd[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(ends, (end) => end)].map(([end, all]) => [end, all.length]));
}
