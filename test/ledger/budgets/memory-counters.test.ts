import { describe, expect, jest, test } from "@jest/globals";
import { createMemoryCounters } from "../../../src/ledger/budgets/memory-counters.ts";
import { createWindowClock } from "../../../src/ledger/budgets/window-clock.ts";
import { claimOf, describeCounterStore, newLimit } from "./counter-suite.ts";

const noon = Date.UTC(2026, 10, 26, 12);
const none = { most: 0, least: 0 };

function rig(maxCounters = 1000) {
  const time = { wall: noon, monotonic: 0 };
  const clock = createWindowClock({ nowMs: () => time.wall, monotonicMs: () => time.monotonic });
  return {
    store: createMemoryCounters({ clock, maxCounters }),
    pass: (ms: number) => {
      time.wall += ms;
      time.monotonic += ms;
    },
    jump: (ms: number) => {
      time.wall += ms;
    },
  };
}

describeCounterStore("counters in memory", async () => rig(100_000).store);

describe("a window", () => {
  test("begins anew at its boundary, and a refusal says to the millisecond when that is", async () => {
    const { store, pass } = rig();
    const claim = claimOf(newLimit(2n, { window: "minute", unit: "requests" }), 1n);
    pass(14_750);
    for (const _ of [1, 2]) await store.reserve([claim], none);
    expect(await store.reserve([claim], none)).toMatchObject({ refusals: [{ retryAfterMs: 45_250 }] });
    pass(45_249);
    expect(await store.reserve([claim], none)).toMatchObject({ refusals: [{ retryAfterMs: 1 }] });
    pass(1);
    expect(await store.reserve([claim], none)).toMatchObject({ kind: "granted" });
  });

  test("that an amount does not fit into is not waited for", async () => {
    const claim = claimOf(newLimit(2n, { window: "day" }), 3n);
    const answer = await rig().store.reserve([claim], none);
    expect(answer.kind === "refused" && answer.refusals[0]).not.toHaveProperty("retryAfterMs");
  });

  // Mutant seen red: what was held in a window that is over taken off the one that is open.
  test("counts what was reserved in it, and what was extended after it in the next", async () => {
    const { store, pass } = rig();
    const claim = claimOf(newLimit(100n, { window: "minute" }), 10n, 1n);
    const one = await store.reserve([claim], { most: 10, least: 10 });
    const other = await store.reserve([claim], { most: 10, least: 10 });
    pass(60_000);
    if (one.kind === "refused" || other.kind === "refused") throw new Error("refused");
    expect(await store.peek(claim)).toMatchObject({ settled: 0n, reserved: 0n });
    await store.extend(one.reservation, { most: 30, least: 30 });
    expect(await store.peek(claim)).toMatchObject({ settled: 0n, reserved: 30n });
    await store.settle(other.reservation, [20n]);
    await store.settle(one.reservation, [25n]);
    expect(await store.peek(claim)).toMatchObject({ settled: 5n, reserved: 0n });
  });
});

describe("a wall clock that jumps", () => {
  // Mutant seen red: windows by the wall clock alone.
  test("back opens no window twice, and lets none stand still", async () => {
    const { store, pass, jump } = rig();
    const claim = claimOf(newLimit(1n, { window: "hour", unit: "requests" }), 1n);
    pass(3_599_000);
    expect(await store.reserve([claim], none)).toMatchObject({ kind: "granted" });
    pass(1000);
    expect(await store.reserve([claim], none)).toMatchObject({ kind: "granted" });
    jump(-7_200_000);
    const refused = await store.reserve([claim], none);
    expect(refused).toMatchObject({ kind: "refused", refusals: [{ retryAfterMs: 7_200_000 }] });
    pass(7_199_999);
    expect(await store.reserve([claim], none)).toMatchObject({ kind: "refused" });
    pass(1);
    expect(await store.reserve([claim], none)).toMatchObject({ kind: "granted" });
  });

  test("forward opens the next window once, whatever comes after", async () => {
    const { store, pass, jump } = rig();
    const claim = claimOf(newLimit(1n, { window: "day" }), 1n);
    let granted = 0;
    const ask = async () => {
      if ((await store.reserve([claim], none)).kind === "granted") granted += 1;
    };
    await ask();
    jump(13 * 3_600_000);
    await ask();
    jump(-13 * 3_600_000);
    for (let hour = 0; hour < 24; hour += 1) {
      await ask();
      pass(3_600_000);
    }
    expect(granted).toBe(2);
  });
});

describe("counters", () => {
  test("of windows that are over make room, and none that counts is forgotten", async () => {
    const { store, pass } = rig(2);
    const [minute, total, third] = [newLimit(1n, { window: "minute" }), newLimit(1n), newLimit(1n)].map((limit) =>
      claimOf(limit, 1n),
    );
    if (minute === undefined || total === undefined || third === undefined) throw new Error("no claims");
    await store.add(minute, 1n);
    await store.add(total, 1n);
    await expect(store.reserve([third], none)).rejects.toMatchObject({ reason: "OVERLOADED" });
    pass(60_000);
    expect(await store.reserve([third], none)).toMatchObject({ kind: "granted" });
    expect(await store.peek(total)).toMatchObject({ settled: 1n });
  });

  // Mutants seen red: all are looked through for each call that is refused; what a call gives back makes no room until a window ends.
  test("are looked through once while all are in use, not for each call, and as soon as one is not", async () => {
    const { store } = rig(2);
    const [one, other, third] = [1, 2, 3].map(() => claimOf(newLimit(10n), 1n));
    if (one === undefined || other === undefined || third === undefined) throw new Error("no claims");
    await store.add(one, 1n);
    const held = await store.reserve([other], none);
    if (held.kind === "refused") throw new Error("refused");
    const looks = jest.spyOn(Map.prototype, "values");
    for (let count = 0; count < 10; count += 1) {
      await expect(store.reserve([third], none)).rejects.toMatchObject({ reason: "OVERLOADED" });
    }
    const inMaps = looks.mock.contexts.filter((map) => map instanceof Map && map.size === 2).length;
    looks.mockRestore();
    expect(inMaps).toBe(1);
    await store.settle(held.reservation, [0n]);
    expect(await store.reserve([third], none)).toMatchObject({ kind: "granted" });
  });

  // Mutants seen red: counters that are held when all are found only; what was taken of the first kept where there is no place for the next; what is let go left in its
  // place, where nobody finds it, or where all are looked through for it by each such call.
  test("that do not all find a place are all let go, and nothing is held of them", async () => {
    const { store } = rig(8);
    const [one, other] = [1, 2].map(() => claimOf(newLimit(10n), 6n));
    if (one === undefined || other === undefined) throw new Error("no claims");
    for (let count = 0; count < 7; count += 1) await store.add(claimOf(newLimit(10n), 1n), 1n);
    const looks = jest.spyOn(Map.prototype, "values");
    for (let count = 0; count < 10; count += 1) {
      await expect(store.reserve([one, other], none)).rejects.toMatchObject({ reason: "OVERLOADED" });
    }
    const inMaps = looks.mock.contexts.filter((map) => map instanceof Map && map.size >= 7).length;
    looks.mockRestore();
    for (const claim of [other, one]) {
      const taken = await store.reserve([claim], none);
      expect(taken).toMatchObject({ kind: "granted", standings: [{ settled: 0n, reserved: 6n }] });
      if (taken.kind === "granted") await store.settle(taken.reservation, [0n]);
    }
    expect(inMaps).toBe(1);
  });

  // Mutants seen red: each of: a tenant may have all that is free; end users take what is kept from them; a tenant's counters that went are still its.
  test("of one tenant's end users leave some to others', and those leave some to everybody else", async () => {
    const { store, pass } = rig(100);
    const perDay = newLimit(10n, { scope: "end_user", window: "day" });
    const take = async (tenant: string): Promise<number> => {
      for (let user = 0; ; user += 1) {
        const claim = { ...claimOf(perDay, 1n), subject: `${tenant}/${user}` };
        const taken = await store.reserve([claim], none).catch(() => undefined);
        if (taken === undefined) return user;
        if (taken.kind === "granted") await store.settle(taken.reservation, [1n]);
      }
    };
    // Of 90: four fifths, then four fifths of what is left.
    expect([await take("one"), await take("two"), await take("three")]).toEqual([72, 15, 3]);
    await expect(store.reserve([{ ...claimOf(perDay, 1n), subject: "four/1" }], none)).rejects.toMatchObject({
      reason: "OVERLOADED",
      message: expect.stringContaining("end users"),
    });
    for (let count = 0; count < 10; count += 1) await store.add(claimOf(newLimit(10n), 1n), 1n);
    await expect(store.add(claimOf(newLimit(10n), 1n), 1n)).rejects.toMatchObject({ reason: "OVERLOADED" });
    pass(24 * 3_600_000);
    // Those of the first begin anew, and those of the others go.
    expect([await take("one"), await take("four")]).toEqual([72, 7]);
    pass(24 * 3_600_000);
    expect([await take("four"), await take("one")]).toEqual([64, 13]);
  });

  // Mutant seen red: what a ledger has must have room.
  test("have a place for all that a ledger has, in whatever order, and for nobody new then", async () => {
    const { store } = rig(10);
    const perDay = newLimit(10n, { scope: "end_user", window: "day" });
    const of = (subject: string) => ({ ...claimOf(perDay, 1n), subject });
    const { windowStartMs } = await store.peek(of("one/1"));
    for (let user = 0; user < 20; user += 1) await store.raise(of(`one/${user}`), 9n, windowStartMs);
    expect(await store.reserve([of("one/19")], none)).toMatchObject({ standings: [{ settled: 9n, reserved: 1n }] });
    expect(await store.reserve([of("one/19")], none)).toMatchObject({ kind: "refused" });
    await expect(store.reserve([of("two/1")], none)).rejects.toMatchObject({ reason: "OVERLOADED" });
  });

  // Mutants seen red: limits that are not hard need a place too; what has no place goes with one of the same name that has.
  test("that have no place keep nobody from a call under a limit that is not hard", async () => {
    const { store, pass } = rig(1);
    const [shadow, hard] = [newLimit(1n, { mode: "shadow" }), newLimit(10n, { window: "minute" })].map((limit) =>
      claimOf(limit, 1n),
    );
    if (shadow === undefined || hard === undefined) throw new Error("no claims");
    await store.add(hard, 1n);
    const early = await store.reserve([hard, shadow], none);
    expect(early).toMatchObject({ kind: "granted", standings: [{ settled: 1n, reserved: 1n }, { settled: 0n }] });
    if (early.kind === "refused") throw new Error("refused");
    pass(60_000);
    await store.settle(early.reservation, [0n, 1n]);
    const other = await store.reserve([shadow], none);
    if (other.kind === "refused") throw new Error("refused");
    expect(await store.peek(shadow)).toMatchObject({ settled: 0n, reserved: 1n });
    await store.settle(other.reservation, [0n]);
    await store.add(hard, 1n);
    const beside = await store.reserve([shadow], none);
    pass(60_000);
    const placed = await store.reserve([shadow], none);
    if (beside.kind === "refused" || placed.kind === "refused") throw new Error("refused");
    await store.settle(beside.reservation, [0n]);
    expect(await store.peek(shadow)).toMatchObject({ reserved: 1n });
  });

  // Mutant seen red: models are no crowd.
  test("of models that callers make up leave some to everybody else", async () => {
    const { store } = rig(100);
    const each = newLimit(10n, { scope: "model", window: "day" });
    const { value: _, ...perModel } = each;
    let made = 0;
    const add = () => store.add({ limit: perModel, subject: `made-up-${made}` }, 1n);
    for (; made < 72; made += 1) await add();
    await expect(add()).rejects.toMatchObject({ reason: "OVERLOADED" });
    await store.add(claimOf(newLimit(10n), 1n), 1n);
  });

  // Mutant seen red: whoever asks how one stands makes it.
  test("are not made by asking how they stand", async () => {
    const { store } = rig(1);
    for (const limit of [newLimit(10n), newLimit(10n)]) {
      expect(await store.peek(claimOf(limit, 1n))).toMatchObject({ windowStartMs: 0, settled: 0n, reserved: 0n });
    }
    const looks = jest.spyOn(Map.prototype, "values");
    expect(await store.reserve([claimOf(newLimit(10n), 1n)], none)).toMatchObject({ kind: "granted" });
    expect(looks).not.toHaveBeenCalled();
    looks.mockRestore();
  });

  // Mutant seen red: not let go.
  test("of a call that is refused make room", async () => {
    const { store } = rig(1);
    const [refused, next] = [claimOf(newLimit(10n), 11n), claimOf(newLimit(10n), 1n)];
    expect(await store.reserve([refused], none)).toMatchObject({ kind: "refused" });
    expect(await store.reserve([next], none)).toMatchObject({ kind: "granted" });
  });
});
