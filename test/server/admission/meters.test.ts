import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createLagMeter } from "../../../src/server/admission/lag.ts";
import { type Load, watchLoad } from "../../../src/server/admission/load.ts";
import { isTooMuch } from "../../../src/server/admission/marks.ts";
import { createMemoryMeter } from "../../../src/server/admission/memory.ts";
import { waitFor } from "../../support/wait.ts";

describe("a level between two marks", () => {
  // Mutants seen red: no low mark (`level >= high` alone); the low mark taken for the high one.
  test("is too much above the high one, never below the low one, and changes nothing in between", () => {
    const marks = fc
      .tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }))
      .map(([low, more]) => ({ low, high: low + more }));
    fc.assert(
      fc.property(marks, fc.array(fc.integer({ min: 0, max: 3000 })), ({ low, high }, levels) => {
        let was = false;
        for (const level of levels) {
          const now = isTooMuch(was, level, { low, high });
          expect(now).toBe(level >= high ? true : level <= low ? false : was);
          was = now;
        }
      }),
    );
  });
});

describe("the lag of the event loop", () => {
  // Mutants seen red: the last sample alone; the mean of five.
  test("is not fooled by one pause, however long, nor by two", () => {
    const smooth = createLagMeter();
    const seen = [1, 2, 60_000, 1, 30_000, 2, 1, 1].map(smooth);
    expect(Math.max(...seen)).toBeLessThanOrEqual(2);
  });

  test("is what it is after three samples, and nothing again after three", () => {
    const smooth = createLagMeter();
    expect([0, 0, 0, 900, 900, 900, 900, 900, 0, 0, 0].map(smooth)).toEqual([
      0, 0, 0, 0, 0, 900, 900, 900, 900, 900, 0,
    ]);
  });

  test("counts early timers as on time", () => {
    const smooth = createLagMeter();
    expect([-3, -1, -2].map(smooth)).toEqual([0, 0, 0]);
  });
});

describe("memory in use", () => {
  /** A meter of shares that are given; a collection leaves the share of what lives and lasts so long. */
  function meterOf({ collectionMs = 10 } = {}) {
    const state = { share: 0, live: 0, nowMs: 0, collections: 0 };
    const sample = createMemoryMeter({
      measure: () => state.share,
      collect: () => {
        state.collections += 1;
        state.share = state.live;
        state.nowMs += collectionMs;
      },
      monotonicMs: () => state.nowMs,
      high: 0.9,
    });
    return { state, sample };
  }

  // Mutant seen red: what is measured believed without a collection.
  test("is not the garbage that a heap is full of", () => {
    const { state, sample } = meterOf();
    Object.assign(state, { share: 0.95, live: 0.3 });
    expect([sample(), sample()]).toEqual([0, 0.3]);
    expect(state.collections).toBe(1);
  });

  test("is known one sample after a collection that freed nothing", () => {
    const { state, sample } = meterOf();
    Object.assign(state, { share: 0.95, live: 0.95 });
    expect([sample(), sample()]).toEqual([0, 0.95]);
  });

  // Mutant seen red: a collection at each sample.
  test("is found out in at most a twentieth of the time, and in between stays what it was", () => {
    const { state, sample } = meterOf({ collectionMs: 400 });
    Object.assign(state, { share: 0.95, live: 0.95 });
    for (let second = 0; second < 100; second += 1) {
      const share = sample();
      if (second > 0) expect(share).toBe(0.95);
      state.nowMs += 1000;
    }
    expect(state.collections * 400).toBeLessThanOrEqual(state.nowMs / 20 + 400);
    state.share = 0.5;
    expect(sample()).toBe(0.5);
  });
});

// Mutants seen red: the heap alone measured; a timer that is not cleared (the file then ends with an open handle's later sample).
test("the process's own load is sampled until the watch is closed: a limit it exceeds shows", async () => {
  const loads: Load[] = [];
  const watch = watchLoad({
    limits: () => ({ maxMemoryBytes: 1024 }),
    highMemoryShare: 0.9,
    onSample: (load) => loads.push(load),
    monotonicMs: () => performance.now(),
  });
  await waitFor(() => (loads.at(-1)?.memoryShare ?? 0) > 1, { what: "memory above its limit", timeoutMs: 30_000 });
  watch.close();
  const { length } = loads;
  expect(loads.every(({ lagMs }) => Number.isFinite(lagMs) && lagMs >= 0)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(loads).toHaveLength(length);
});
