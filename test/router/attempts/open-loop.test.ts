import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { ErrorExtras } from "../../../src/errors.ts";
import { createRandom } from "../../emulators/random.ts";
import { answer, createScriptedAdapter, type Play, refusing } from "../../support/scripted-adapter.ts";
import { createRig, failure } from "./rig.ts";

const SECONDS = 25;
const TICK_MS = 10;
const RETRIES = 2;

/** Seconds that the budget looks back on. */
const WINDOW = 10;

/**
 * Calls that come at a steady rate whatever becomes of those before, at a provider without a breaker that fails half of what it is sent. Time is the
 * test's own: it passes in ticks, in which those calls begin that are due and those go on that have waited long enough.
 */
async function openLoop(perSecond: number, extras: ErrorExtras = {}) {
  const random = createRandom(7);
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  const requests: number[] = [];
  const retries: number[] = [];
  let nowMs = 0;
  const half: Play = (input) => {
    const counts = input.attempt === 0 ? requests : retries;
    const second = Math.floor(nowMs / 1000);
    counts[second] = (counts[second] ?? 0) + 1;
    return (random() < 0.5 ? refusing(failure("PROVIDER_UNAVAILABLE", extras)) : answer("near"))(input);
  };
  const near = createScriptedAdapter({ name: "near", play: half, settings: { name: "near", retries: RETRIES } });
  const { run, pass } = createRig([near], {
    wait: (ms) => new Promise((resolve) => sleepers.add({ atMs: nowMs + ms, wake: resolve })),
  });
  const calls: ReturnType<typeof run>[] = [];
  while (nowMs < SECONDS * 1000 || sleepers.size > 0) {
    for (const sleeper of sleepers) {
      if (sleeper.atMs > nowMs) continue;
      sleepers.delete(sleeper);
      sleeper.wake();
    }
    const due = Math.min(SECONDS, (nowMs + TICK_MS) / 1000) * perSecond;
    while (calls.length < due) calls.push(run());
    await turn();
    nowMs += TICK_MS;
    pass(TICK_MS);
  }
  const ran = await Promise.all(calls);
  const errors = ran.flatMap(({ error }) => (error === undefined ? [] : [error]));
  return { sent: near.inputs.length, asked: calls.length, errors, requests, retries };
}

/** So much of a list of counts, up to and with that second. */
const within = (counts: readonly number[], second: number): number =>
  counts.slice(Math.max(0, second - WINDOW + 1), second + 1).reduce((sum, count) => sum + count, 0);

/*
 * Mutants seen red: a budget that is not asked; one that is asked when a retry is decided and not when its wait is over, so that all who wait go over it
 * together.
 */
describe("a provider without a breaker that fails half of all calls", () => {
  test.each([
    ["does not say when to come back", 100, {}],
    ["asks to be left alone for two seconds", 100, { retryAfterMs: 2000 }],
    ["is called so seldom that three a second are more than a tenth", 8, {}],
    ["is called seldom, and asks to be left alone", 8, { retryAfterMs: 2000 }],
  ])("and %s gets no more retries than its budget has", async (_, perSecond, extras) => {
    const { sent, asked, errors, requests, retries } = await openLoop(perSecond, extras);
    expect(asked).toBe(perSecond * SECONDS);
    // As of each second in which there was one.
    for (const second of retries.keys().filter((each) => retries[each] !== undefined)) {
      const allowed = Math.ceil(Math.max(within(requests, second) / 10, 3 * WINDOW));
      expect(within(retries, second)).toBeLessThanOrEqual(allowed);
    }
    expect(sent - asked).toBeLessThanOrEqual(Math.max(0.2 * asked, 4 * SECONDS));
    // It is used up: half of all calls would be tried again.
    expect(sent - asked).toBeGreaterThanOrEqual(6 * WINDOW);
    // Who waited in vain is told what the provider said.
    expect([...new Set(errors.map(({ reason }) => reason))]).toEqual(["PROVIDER_UNAVAILABLE"]);
  });

  // Mutant seen red: no retry but a tenth.
  test("is tried as often as `retries` says while the budget lasts", async () => {
    const { sent, asked, errors } = await openLoop(2);
    expect(asked).toBe(2 * SECONDS);
    expect(sent).toBeGreaterThan(1.5 * asked);
    expect(errors.length).toBeLessThan(asked / 4);
  });
});
