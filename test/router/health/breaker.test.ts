import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createBreaker, type Permit, PROBE_LEASE_MS } from "../../../src/router/health/breaker.ts";

const settings = { failures: 3, cooldownMs: 1000 };

function rig() {
  let now = 0;
  const breaker = createBreaker(() => now);
  const pass = (ms: number): void => {
    now += ms;
  };
  const admitted = (): Permit => {
    const permit = breaker.admit();
    if (permit === undefined) throw new Error("it lets nobody through");
    return permit;
  };
  const failTimes = (times: number): void => {
    for (let count = 0; count < times; count += 1) admitted().failed(settings);
  };
  return { breaker, pass, admitted, failTimes };
}

describe("a closed breaker", () => {
  test("opens after so many failures in a row, and says for how long", () => {
    const { breaker, failTimes, pass } = rig();
    failTimes(2);
    expect(breaker.state()).toBe("closed");
    failTimes(1);
    expect([breaker.state(), breaker.waitMs()]).toEqual(["open", 1000]);
    expect(breaker.admit()).toBeUndefined();
    pass(400);
    expect(breaker.waitMs()).toBe(600);
  });

  // Mutant seen red: failures that a success does not forget.
  test("forgets failures with a success, and learns nothing from what is released", () => {
    const { breaker, failTimes, admitted } = rig();
    failTimes(2);
    admitted().succeeded();
    failTimes(2);
    admitted().released();
    expect(breaker.state()).toBe("closed");
    failTimes(1);
    expect(breaker.state()).toBe("open");
  });

  test("opens at once where nothing can succeed", () => {
    const { breaker, admitted } = rig();
    admitted().tripped(60_000);
    expect([breaker.state(), breaker.waitMs()]).toEqual(["open", 60_000]);
  });
});

describe("a half-open breaker", () => {
  const halfOpen = () => {
    const made = rig();
    made.failTimes(3);
    made.pass(1000);
    return made;
  };

  // Mutant seen red: a probe that keeps nobody out.
  test("lets one attempt through at a time", () => {
    const { breaker, admitted } = halfOpen();
    expect(breaker.state()).toBe("half_open");
    expect(admitted().isProbe).toBe(true);
    expect(breaker.admit()).toBeUndefined();
    expect(breaker.waitMs()).toBe(PROBE_LEASE_MS);
  });

  test("closes with the probe's answer, on trial: one more failure opens it again", () => {
    const { breaker, admitted } = halfOpen();
    const probe = admitted();
    probe.answered(settings);
    expect(breaker.state()).toBe("closed");
    admitted().failed(settings);
    expect(breaker.state()).toBe("open");
    // What becomes of the probe's attempt later belongs to a time that is over.
    probe.succeeded();
    expect(breaker.state()).toBe("open");
  });

  // Mutant seen red: a probe that is no longer listened to after its answer.
  test("ends the trial when the probe's attempt succeeds, and opens when it fails after its answer", () => {
    const good = halfOpen();
    const probe = good.admitted();
    probe.answered(settings);
    probe.succeeded();
    good.failTimes(2);
    expect(good.breaker.state()).toBe("closed");
    const bad = halfOpen();
    const cut = bad.admitted();
    cut.answered(settings);
    cut.failed(settings);
    expect(bad.breaker.state()).toBe("open");
  });

  test("opens again with the probe's failure", () => {
    const { breaker, admitted } = halfOpen();
    admitted().failed(settings);
    expect([breaker.state(), breaker.waitMs()]).toEqual(["open", 1000]);
  });

  // Mutant seen red: a lease that only an outcome ends.
  test("lets the next one try when a probe told nothing, or is not heard of", () => {
    const { breaker, admitted, pass } = halfOpen();
    admitted().released();
    const lost = admitted();
    pass(PROBE_LEASE_MS);
    const next = admitted();
    expect(next.isProbe).toBe(true);
    lost.failed(settings);
    lost.released();
    expect(breaker.state()).toBe("half_open");
    expect(breaker.admit()).toBeUndefined();
    next.succeeded();
    expect(breaker.state()).toBe("closed");
  });

  // Mutant seen red: permits without a generation.
  test("does not listen to attempts from before it opened", () => {
    const { breaker, admitted, failTimes, pass } = rig();
    const [old, older] = [admitted(), admitted()];
    failTimes(3);
    old.succeeded();
    expect(breaker.state()).toBe("open");
    pass(1000);
    older.failed(settings);
    expect(breaker.state()).toBe("half_open");
  });
});

/** A breaker under random use, and what its user knows of the probes. */
function createModel() {
  const { breaker, pass } = rig();
  let now = 0;
  const running: Permit[] = [];
  /** When each probe that was not heard of began. */
  const probes = new Map<Permit, number>();
  const enter = (permit: Permit): void => {
    running.push(permit);
    if (!permit.isProbe) return;
    for (const since of probes.values()) expect(now - since).toBeGreaterThanOrEqual(PROBE_LEASE_MS);
    probes.set(permit, now);
  };
  return {
    open: (ms: number) => breaker.open(ms),
    pass: (ms: number) => {
      pass(ms);
      now += ms;
    },
    admit: () => {
      const permit = breaker.admit();
      if (permit !== undefined) enter(permit);
      return permit;
    },
    end: (which: number, how: Outcome) => {
      const [permit] = running.splice(which % Math.max(1, running.length), 1);
      if (permit === undefined) return;
      probes.delete(permit);
      report(permit, how);
      // An answer is not the end of its attempt.
      if (how === "answered") running.push(permit);
    },
    standing: () => [breaker.state(), breaker.waitMs()],
  };
}

type Outcome = "answered" | "succeeded" | "failed" | "tripped" | "released";

function report(permit: Permit, how: Outcome): void {
  if (how === "tripped") permit.tripped(60_000);
  else if (how === "answered" || how === "failed") permit[how](settings);
  else permit[how]();
}

const ms = fc.integer({ min: 0, max: 40_000 });
const how = fc.constantFrom<Outcome[]>("answered", "succeeded", "failed", "tripped", "released");
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("admit" as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("end" as const), which: fc.nat(), how }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("open" as const), ms }) },
);

/*
 * Model test. Mutants seen red: a lease without an end (stuck); a probe that takes no lease (two probes); opening that ends the lease of a probe that
 * runs (two probes).
 */
test("100,000 random steps: it is never stuck, and never has two probes at once", () => {
  let steps = 0;
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 200, maxLength: 200 }), (script) => {
      const model = createModel();
      for (const step of script) {
        steps += 1;
        if (step.kind === "admit") model.admit();
        else if (step.kind === "end") model.end(step.which, step.how);
        else model[step.kind](step.ms);
      }
      // Whoever still runs is never heard of again. Within the longest cooldown and a lease the next one may try, and its success closes.
      model.pass(60_000 + PROBE_LEASE_MS);
      const permit = model.admit();
      expect(permit).toBeDefined();
      permit?.succeeded();
      expect(model.standing()).toEqual(["closed", 0]);
    }),
    { numRuns: 500 },
  );
  expect(steps).toBe(100_000);
});
