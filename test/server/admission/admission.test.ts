import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../../src/errors.ts";
import { type Admission, type Admitted, createAdmission } from "../../../src/server/admission/admission.ts";
import type { Log } from "../../../src/telemetry/log.ts";

interface Rig {
  readonly admission: Admission;
  readonly lines: string[];
}

const LIMITS = { maxBytesInFlight: 1_000_000, maxCalls: 10, maxCallsPerKey: 4, maxLagMs: 500 };

function createRig({ limits = {}, drawn = 0.5 }: { limits?: Partial<typeof LIMITS>; drawn?: number } = {}): Rig {
  const lines: string[] = [];
  const keep: Log["warn"] = (message, { reason, key, refused } = {}) => {
    lines.push(`${message}: ${[reason, key, refused].filter((word) => word !== undefined).join(" ")}`);
  };
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  return { admission: createAdmission({ limits: () => ({ ...LIMITS, ...limits }), log, random: () => drawn }), lines };
}

const chatOf = (key: string) => ({ key, spends: true, takesSlot: true });
const resumeOf = (key: string) => ({ key, spends: false, takesSlot: true });
const cheapOf = (key: string) => ({ key, spends: false, takesSlot: false });

/** What a call is refused with; undefined if it is let in, and then it has left again. */
function refusal(enter: () => Admitted | undefined): ExecutionError | undefined {
  try {
    enter()?.end();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown;
    throw thrown;
  }
}

const idle = { lagMs: 0, memoryShare: 0 };

describe("a process that lags or is short of memory", () => {
  // Mutants seen red: everything refused, not what spends alone; the first call refused as well; no low mark.
  test("refuses what spends from the high mark on until it is below the low one, and nothing else", () => {
    const level = fc.record({
      lagMs: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(250, 251, 499, 500)),
      memoryShare: fc.oneof(fc.double({ min: 0, max: 1.2, noNaN: true }), fc.constantFrom(0.8, 0.81, 0.89, 0.9)),
    });
    fc.assert(
      fc.property(fc.array(level), (levels) => {
        const { admission } = createRig();
        const first = admission.admit(chatOf("a"));
        let lag = false;
        let memory = false;
        for (const load of levels) {
          admission.sample(load);
          lag = load.lagMs >= 500 || (lag && load.lagMs > 250);
          memory = load.memoryShare >= 0.9 || (memory && load.memoryShare > 0.8);
          const refused = refusal(() => admission.admit(chatOf("a")));
          expect(refused?.reason).toBe(lag || memory ? "OVERLOADED" : undefined);
          expect(admission.shedding().toSorted()).toEqual([
            ...(lag ? ["event_loop_lag"] : []),
            ...(memory ? ["memory"] : []),
          ]);
          expect(refusal(() => admission.admit(resumeOf("a")))).toBeUndefined();
          expect(refusal(() => admission.admit(cheapOf("a")))).toBeUndefined();
        }
        first.end();
        expect(refusal(() => admission.admit(chatOf("a")))).toBeUndefined();
        admission.sample(idle);
        expect(admission.shedding()).toEqual([]);
      }),
    );
  });

  // Mutant seen red: a line a call.
  test("logs when it begins and when it ends, with how many calls it refused, and no line a call", () => {
    const { admission, lines } = createRig();
    admission.admit(chatOf("a"));
    for (let sample = 0; sample < 5; sample += 1) admission.sample({ lagMs: 800, memoryShare: 0.2 });
    for (let call = 0; call < 20; call += 1) refusal(() => admission.admit(chatOf("a")));
    admission.sample({ lagMs: 300, memoryShare: 0.2 });
    admission.sample(idle);
    expect(lines).toEqual(["calls are refused: event_loop_lag", "calls are not refused any more: event_loop_lag 20"]);
  });

  // Mutant seen red: the same wait for all.
  test("tells each caller another time to come back, 1 to 3 s from now", () => {
    const waits = [0, 0.25, 0.999].map((drawn) => {
      const { admission } = createRig({ drawn });
      admission.admit(chatOf("a"));
      admission.sample({ lagMs: 800, memoryShare: 0 });
      return refusal(() => admission.admit(chatOf("a")))?.extras.retryAfterMs;
    });
    expect(waits).toEqual([1000, 1500, 2998]);
  });
});

describe("slots", () => {
  // Mutants seen red: a slot given back twice; one not given back at a second end; Resume that takes none.
  test("are never more than there are, in all and of a key, and are all given back", () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c", "d"), resume: fc.boolean(), leave: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { admission } = createRig();
        const inside: { readonly key: string; readonly call: Admitted }[] = [];
        for (const { key, resume, leave } of steps) {
          const ofKey = inside.filter((each) => each.key === key).length;
          const call = resume ? resumeOf(key) : chatOf(key);
          if (inside.length >= 10 || ofKey >= 4) expect(() => admission.admit(call)).toThrow(ExecutionError);
          else inside.push({ key, call: admission.admit(call) });
          const [left] = leave < inside.length ? inside.splice(leave, 1) : [];
          left?.call.end();
          left?.call.end();
          expect(admission.calls).toBe(inside.length);
          expect(refusal(() => admission.admit(cheapOf(key)))).toBeUndefined();
        }
        for (const { call } of inside) call.end();
        expect(admission.calls).toBe(0);
        expect(admission.shedding()).toEqual([]);
      }),
    );
  });

  test("of a key that has all of its own are refused to it alone, and named in the log", () => {
    const { admission, lines } = createRig();
    const inside = [1, 2, 3, 4].map(() => admission.admit(chatOf("a")));
    expect(refusal(() => admission.admit(chatOf("a")))?.message).toContain("this key");
    expect(refusal(() => admission.admit(chatOf("b")))).toBeUndefined();
    expect(admission.shedding()).toEqual(["calls_per_key"]);
    for (const call of inside) call.end();
    expect(lines).toEqual(["calls are refused: calls_per_key a", "calls are not refused any more: calls_per_key a 1"]);
  });

  // Mutant seen red: over as soon as one slot is free.
  test("that come and go at the limit are one episode in the log", () => {
    const { admission, lines } = createRig({ limits: { maxCalls: 20, maxCallsPerKey: 100 } });
    const inside = Array.from({ length: 20 }, () => admission.admit(chatOf("a")));
    for (let turn = 0; turn < 50; turn += 1) {
      expect(refusal(() => admission.admit(chatOf("b")))?.reason).toBe("OVERLOADED");
      inside.pop()?.end();
      inside.push(admission.admit(chatOf("a")));
    }
    expect(lines).toEqual(["calls are refused: calls"]);
    for (const call of inside.splice(0, 2)) call.end();
    expect(lines.slice(1)).toEqual(["calls are not refused any more: calls 50"]);
  });
});

describe("request bytes", () => {
  // Mutants seen red: bytes that are not given back; a later size added to an earlier one.
  test("are at most so many, each call's latest, and are all given back", () => {
    const step = fc.record({ call: fc.nat(7), bytes: fc.integer({ min: 4097, max: 700_000 }), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { admission } = createRig();
        const inside = Array.from({ length: 8 }, (_, index) => admission.admit(chatOf(String(index))));
        const held = inside.map(() => 0);
        const left = new Set<number>();
        for (const { call, bytes, leave } of steps) {
          const others = held.reduce((sum, each, index) => (index === call ? sum : sum + each), 0);
          const refused = refusal(() => {
            inside[call]?.hold(bytes);
            return undefined;
          });
          const tooMany = !left.has(call) && others + bytes > 1_000_000;
          expect(refused?.reason).toBe(tooMany ? "OVERLOADED" : undefined);
          if (refused === undefined && !left.has(call)) held[call] = bytes;
          if (leave) {
            inside[call]?.end();
            left.add(call);
            held[call] = 0;
          }
          expect(admission.requestBytes).toBe(held.reduce((sum, each) => sum + each, 0));
        }
        for (const call of inside) call.end();
        expect(admission.requestBytes).toBe(0);
      }),
    );
  });

  // Mutants seen red: a Chat whose body is read to be refused; a Cancel that waits for what it would end.
  test("that are all held let in no call that spends, but a small one that cannot", () => {
    const { admission } = createRig();
    const first = admission.admit(chatOf("a"));
    first.hold(1_000_000);
    expect(refusal(() => admission.admit(chatOf("b")))?.reason).toBe("OVERLOADED");
    const cancel = admission.admit(cheapOf("b"));
    cancel.hold(4096);
    expect(() => cancel.hold(4097)).toThrow(ExecutionError);
    cancel.end();
    first.end();
    expect(admission.requestBytes).toBe(0);
  });
});
