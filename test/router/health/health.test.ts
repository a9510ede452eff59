import { expect, test } from "@jest/globals";
import { createHealth } from "../../../src/router/health/health.ts";

const settings = { failures: 1, cooldownMs: 1000 };

function rig() {
  let now = 0;
  const health = createHealth(() => now);
  return {
    health,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("models of one instance, and one model of two instances, have breakers of their own", () => {
  const { health } = rig();
  health.admit("a", "m")?.failed(settings);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "open", waitMs: 1000 });
  expect(health.stateOf("a", "n").state).toBe("closed");
  expect(health.stateOf("b", "m").state).toBe("closed");
  expect(health.states()).toMatchObject([{ provider: "a", model: "m", state: "open" }]);
});

test("while a probe runs others are asked to come back soon, not when its lease ends", () => {
  const { health, pass } = rig();
  health.admit("a", "m")?.failed(settings);
  pass(1000);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "half_open", waitMs: 0 });
  expect(health.admit("a", "m")?.isProbe).toBe(true);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "half_open", waitMs: 1000 });
});

test("a pause keeps everybody out while it lasts, and is no failure", () => {
  const { health, pass } = rig();
  health.pause("a", "m", 500);
  health.pause("a", "m", 200);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "paused", waitMs: 500 });
  expect(health.admit("a", "m")).toBeUndefined();
  pass(500);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "closed", waitMs: 0 });
  expect(health.admit("a", "m")?.isProbe).toBe(false);
});

// Mutant seen red: a provider's word taken without a bound, so that one wrong header keeps a model out until the process ends.
test("a pause ends, whatever a provider asks for", () => {
  const { health, pass } = rig();
  health.pause("a", "m", 1e12);
  expect(health.stateOf("a", "m")).toMatchObject({ state: "paused", waitMs: 600_000 });
  health.pause("a", "m", Number.POSITIVE_INFINITY);
  pass(600_000);
  expect(health.admit("a", "m")).toBeDefined();
});

// Mutants seen red: a model that was never tried is let through; it is said to be well; it is out for ever.
test("an instance can be opened with all of its models, those never tried too", () => {
  const { health, pass } = rig();
  health.target("a", "m");
  health.target("a", "n");
  health.target("b", "m");
  health.openInstance("a", 60_000);
  expect(health.states().map(({ state }) => state)).toEqual(["open", "open", "closed"]);
  pass(1_000);
  expect(health.stateOf("a", "new")).toMatchObject({ state: "open", waitMs: 59_000 });
  expect(health.admit("a", "new")).toBeUndefined();
  expect(health.admit("b", "new")).toBeDefined();
  pass(59_000);
  expect(health.stateOf("a", "newer")).toMatchObject({ state: "closed", waitMs: 0 });
  expect(health.admit("a", "newer")).toBeDefined();
  expect(health.admit("a", "new")?.isProbe).toBe(true);
});

// Mutants seen red: everything kept; what is paused forgotten. The words for models are the caller's.
test("what is kept of an instance is bounded, and what is bad is kept longest", () => {
  const { health } = rig();
  health.admit("a", "bad")?.failed(settings);
  health.pause("a", "limited", 500);
  for (let count = 0; count < 1_000; count += 1) health.target("a", `word-${count}`);
  expect(health.states()).toHaveLength(200);
  expect(health.stateOf("a", "bad").state).toBe("open");
  expect(health.stateOf("a", "limited").state).toBe("paused");
});
