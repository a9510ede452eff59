import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Claim, CounterStore, Reservation } from "../../../src/ledger/budgets/counter-store.ts";
import type { Limit } from "../../../src/limit.ts";
import { createReferenceCounters } from "./reference.ts";

let values = 0;

/** A hard limit of an amount that nobody has used yet. */
export function newLimit(amount: bigint, overrides: Partial<Limit> = {}): Limit {
  values += 1;
  return { scope: "key", value: `k${values}`, window: "total", unit: "usd", amount, mode: "hard", ...overrides };
}

/** A claim of a limit that counts one. */
export function claimOf(limit: Limit, fixed: bigint, perUnit = 0n): Claim {
  return { limit, subject: limit.value ?? "someone", fixed, perUnit };
}

const none = { most: 0, least: 0 };

/** What every store of counters must do. */
export function describeCounterStore(name: string, open: () => Promise<CounterStore>): void {
  describe(name, () => {
    let store: CounterStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(async () => {
      await store.close();
    });
    const reserved = async (claims: readonly Claim[], wanted = none): Promise<Reservation> => {
      const answer = await store.reserve(claims, wanted);
      if (answer.kind === "refused") throw new Error("refused");
      return answer.reservation;
    };

    // Mutant seen red: each claim taken before the next one is asked.
    test("takes of all limits, or of none", async () => {
      const [wide, narrow] = [claimOf(newLimit(100n), 30n), claimOf(newLimit(20n), 30n)];
      expect(await store.reserve([wide, narrow], none)).toMatchObject({
        kind: "refused",
        refusals: [{ limit: narrow.limit, settled: 0n, reserved: 0n }],
      });
      expect(await store.peek(wide)).toMatchObject({ settled: 0n, reserved: 0n });
      const answer = await store.reserve([wide], none);
      expect(answer).toMatchObject({ kind: "granted", standings: [{ settled: 0n, reserved: 30n }] });
    });

    test("grants as many units as all hard limits have room for, and none if that is too few", async () => {
      const claims = [claimOf(newLimit(100n), 10n, 2n), claimOf(newLimit(70n), 0n, 3n)];
      const answer = await store.reserve(claims, { most: 1000, least: 5 });
      expect(answer).toMatchObject({ kind: "granted", units: 23, standings: [{ reserved: 56n }, { reserved: 69n }] });
      expect(await store.reserve(claims, { most: 5, least: 1 })).toMatchObject({ kind: "refused" });
    });

    test("counts soft and shadow limits without refusing anything", async () => {
      const claims = [
        claimOf(newLimit(10n, { mode: "soft" }), 50n, 1n),
        claimOf(newLimit(10n, { mode: "shadow" }), 50n, 1n),
      ];
      const answer = await store.reserve(claims, { most: 7, least: 7 });
      expect(answer).toMatchObject({ kind: "granted", units: 7, standings: [{ reserved: 57n }, { reserved: 57n }] });
    });

    // Mutant seen red: what was extended not given back.
    test("settles with what was used, be it less or more, and once only", async () => {
      const claim = claimOf(newLimit(1000n), 10n, 1n);
      const reservation = await reserved([claim], { most: 100, least: 100 });
      await store.extend(reservation, { most: 50, least: 50 });
      expect(await store.peek(claim)).toMatchObject({ settled: 0n, reserved: 160n });
      expect(await store.settle(reservation, [42n])).toMatchObject([{ settled: 42n, reserved: 0n }]);
      await store.settle(reservation, [42n]);
      expect(await store.peek(claim)).toMatchObject({ settled: 42n, reserved: 0n });
      await store.settle(await reserved([claim]), [700n]);
      expect(await store.peek(claim)).toMatchObject({ settled: 742n, reserved: 0n });
      await store.add(claim, 8n);
      expect(await store.peek(claim)).toMatchObject({ settled: 750n, reserved: 0n });
    });

    // Mutant seen red: what is to be there at least, added.
    // Mutant seen red: the window that is meant is not looked at.
    test("raises nothing in a window that is another than the one that is meant", async () => {
      const claim = claimOf(newLimit(100n, { window: "month" }), 10n);
      const { windowStartMs } = await store.peek(claim);
      await store.raise(claim, 40n, windowStartMs - 1);
      expect(await store.peek(claim)).toMatchObject({ settled: 0n });
      await store.raise(claim, 40n, windowStartMs);
      expect(await store.peek(claim)).toMatchObject({ settled: 40n });
    });

    test("raises what is settled to what was used, and lowers nothing", async () => {
      const claim = claimOf(newLimit(1000n), 10n);
      await store.raise(claim, 40n, 0);
      await reserved([claim]);
      await store.raise(claim, 70n, 0);
      await store.raise(claim, 70n, 0);
      await store.raise(claim, 60n, 0);
      expect(await store.peek(claim)).toMatchObject({ settled: 70n, reserved: 10n });
    });

    // Mutant seen red: the fixed part taken again with every extension.
    test("extends as far as there is room, and refuses where there is too little", async () => {
      const claims = [claimOf(newLimit(100n), 40n, 1n), claimOf(newLimit(5n), 1n)];
      const reservation = await reserved(claims, { most: 20, least: 20 });
      expect(await store.extend(reservation, { most: 512, least: 1 })).toMatchObject({ kind: "granted", units: 40 });
      expect(await store.extend(reservation, { most: 512, least: 1 })).toMatchObject({
        kind: "refused",
        refusals: [{ limit: claims[0]?.limit, reserved: 100n }],
      });
      await store.settle(reservation, [100n, 1n]);
    });

    // Mutants seen red: a window that is left out of what a refusal says; the amounts of another place of the answer.
    test.each(["month", "total"] as const)("says of which %s it speaks, whatever it answers", async (window) => {
      const claims = [1n, 2n].map((amount) => claimOf(newLimit(10n, { window }), amount, 1n));
      const [first, second] = claims;
      if (first === undefined || second === undefined) throw new Error("no claims");
      const { windowStartMs } = await store.peek(first);
      const start = new Date(windowStartMs).toISOString();
      expect(start).toMatch(window === "month" ? /-01T00:00:00\.000Z$/ : /^1970-01-01T00:00:00\.000Z$/);
      const taken = await store.reserve(claims, { most: 1, least: 1 });
      if (taken.kind === "refused") throw new Error("refused");
      const both = (settled: readonly bigint[], reserved: readonly bigint[]) =>
        settled.map((amount, at) => ({ windowStartMs, settled: amount, reserved: reserved[at] }));
      expect(taken.standings).toMatchObject(both([0n, 0n], [2n, 3n]));
      const { reservation } = taken;
      expect(await store.extend(reservation, { most: 2, least: 2 })).toMatchObject({
        standings: both([0n, 0n], [4n, 5n]),
      });
      expect(await store.extend(reservation, { most: 7, least: 7 })).toMatchObject({
        refusals: both([0n, 0n], [4n, 5n]),
      });
      expect(await store.settle(reservation, [6n, 7n])).toMatchObject(both([6n, 7n], [0n, 0n]));
    });

    // Mutant seen red: nothing taken off with a sign, which the server takes for no number.
    test("takes and gives back nothing, where that is what is claimed", async () => {
      const claim = claimOf(newLimit(0n), 0n);
      const reservation = await reserved([claim]);
      expect(await store.settle(reservation, [0n])).toMatchObject([{ settled: 0n, reserved: 0n }]);
    });

    test("is exact with amounts as large as there are", async () => {
      const amount = 9_000_000n * 1_000_000_000n;
      const claim = claimOf(newLimit(amount), amount - 1n);
      const reservation = await reserved([claim]);
      expect(await store.reserve([{ ...claim, fixed: 2n }], none)).toMatchObject({ kind: "refused" });
      const last = await reserved([{ ...claim, fixed: 1n }]);
      expect(await store.peek(claim)).toMatchObject({ reserved: amount });
      await store.settle(reservation, [amount - 1n]);
      await store.settle(last, [1n]);
      expect(await store.peek(claim)).toMatchObject({ settled: amount, reserved: 0n });
    });

    test("tells those whom a limit counts for themselves apart", async () => {
      const limit = newLimit(1n);
      await reserved([{ limit, subject: "one", fixed: 1n, perUnit: 0n }]);
      expect(await store.peek({ limit, subject: "other" })).toMatchObject({ reserved: 0n });
    });

    // Mutants seen red: a comparison that forgets what is reserved; a settle that leaves the reservation; `<` for `<=`.
    test("does whatever a reference does, in any order, and never lets a hard limit be exceeded by what it grants", async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          await runScript(store, script);
        }),
        { numRuns: 60 },
      );
    });

    // Mutant seen red: a counter that is read, and written only later.
    test("lets no crowd exceed a limit", async () => {
      const claim = claimOf(newLimit(1_000_000_000n), 100_000_000n);
      const answers = await Promise.all(Array.from({ length: 1000 }, () => store.reserve([claim], none)));
      expect(answers.filter(({ kind }) => kind === "granted")).toHaveLength(10);
      expect(await store.peek(claim)).toMatchObject({ settled: 0n, reserved: 1_000_000_000n });
    });
  });
}

/** One step: of which limits, how much, and on which of the reservations there are. */
const step = fc.record({
  what: fc.constantFrom("reserve", "reserve", "extend", "settle", "add"),
  limits: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
  fixed: fc.bigInt(0n, 60n),
  perUnit: fc.bigInt(0n, 3n),
  most: fc.nat(40),
  least: fc.nat(10),
  which: fc.nat(5),
});

const steps = fc.array(step, { minLength: 1, maxLength: 40 });

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A store, and the reference beside it. */
interface Pair {
  readonly store: CounterStore;
  readonly reference: ReturnType<typeof createReferenceCounters>;
  readonly open: { readonly reservation: Reservation; readonly model: number }[];
}

async function runScript(store: CounterStore, script: readonly Step[]): Promise<void> {
  const limits = [newLimit(100n), newLimit(250n), newLimit(1n, { mode: "soft" }), newLimit(77n)];
  const pair: Pair = { store, reference: createReferenceCounters(), open: [] };
  for (const step of script) {
    const claims = step.limits.flatMap((index) => {
      const limit = limits[index];
      return limit === undefined ? [] : [claimOf(limit, step.fixed, step.perUnit)];
    });
    await runStep(pair, step, claims);
    for (const limit of limits) {
      const name = claimOf(limit, 0n);
      expect(await store.peek(name)).toMatchObject(pair.reference.peek(name));
    }
  }
  for (const { reservation } of pair.open) await store.settle(reservation, []);
}

async function runStep({ store, reference, open }: Pair, step: Step, claims: readonly Claim[]): Promise<void> {
  const { what, fixed, which } = step;
  const wanted = { most: Math.max(step.most, step.least), least: step.least };
  const [claim] = claims;
  if (claim === undefined) return;
  if (what === "reserve") {
    const expected = reference.reserve(claims, wanted);
    const answer = await store.reserve(claims, wanted);
    expect(answer.kind === "granted" ? answer.units : undefined).toBe(expected?.units);
    if (answer.kind === "refused" || expected === undefined) return;
    open.push({ reservation: answer.reservation, model: expected.id });
    for (const { limit, settled, reserved } of answer.standings) {
      expect(limit.mode !== "hard" || settled + reserved <= limit.amount).toBe(true);
    }
    return;
  }
  if (what === "add") {
    await store.add(claim, fixed);
    return reference.add(claim, fixed);
  }
  const entry = open[which % Math.max(1, open.length)];
  if (entry === undefined) return;
  if (what === "extend") {
    const answer = await store.extend(entry.reservation, wanted);
    expect(answer.kind === "granted" ? answer.units : undefined).toBe(reference.extend(entry.model, wanted));
    return;
  }
  open.splice(open.indexOf(entry), 1);
  const used = entry.reservation.claims.map(() => fixed);
  await store.settle(entry.reservation, used);
  reference.settle(entry.model, used);
}
