import { expect, test } from "@jest/globals";
import { createLatency } from "../../../src/router/health/latency.ts";

function rig() {
  let now = 0;
  const latency = createLatency(() => now);
  return {
    latency,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("nothing is known before anything was measured, and no percentile before twenty were", () => {
  const { latency } = rig();
  expect([latency.smoothedMs(), latency.percentileMs(0.95)]).toEqual([undefined, undefined]);
  for (let ms = 1; ms <= 19; ms += 1) latency.record(ms);
  expect(latency.percentileMs(0.95)).toBeUndefined();
  latency.record(20);
  expect(latency.percentileMs(0.95)).toBe(19);
});

test("a percentile is that of the last hundred", () => {
  const { latency } = rig();
  for (let count = 0; count < 100; count += 1) latency.record(1000);
  for (let ms = 1; ms <= 100; ms += 1) latency.record(ms);
  expect([latency.percentileMs(0.5), latency.percentileMs(0.95), latency.percentileMs(1)]).toEqual([50, 95, 100]);
});

// Mutant seen red: a plain average, which is slow to see that a provider has become slow.
test("the smoothed time rises at once, falls slowly with fast answers, and with time alone", () => {
  const { latency, pass } = rig();
  latency.record(100);
  latency.record(1000);
  expect(latency.smoothedMs()).toBe(1000);
  pass(1000);
  latency.record(100);
  const after = latency.smoothedMs() ?? 0;
  expect(after).toBeLessThan(1000);
  expect(after).toBeGreaterThan(800);
  pass(100_000);
  expect(latency.smoothedMs()).toBeLessThan(1);
});
