import { ExecutionError } from "../../errors.ts";
import { limitId } from "../../limit.ts";
import { amountOf, fitsEver, unitsWithin } from "./affordable.ts";
import { type Counter, createCounterPlaces, crowdOf } from "./counter-places.ts";
import type {
  Claim,
  CounterName,
  CounterStore,
  Grant,
  Refusal,
  Reservation,
  Standing,
  Wanted,
} from "./counter-store.ts";
import type { WindowClock } from "./window-clock.ts";
import { windowAt } from "./windows.ts";

/** What counters in memory are made of. */
export interface MemoryCountersOptions {
  readonly clock: WindowClock;
  /**
   * Most counters, some 400 bytes each, beside those that a ledger fills. Where all are in use further ones are refused, of hard limits, and count nothing, of others: to
   * forget one would open its budget anew.
   */
  readonly maxCounters: number;
}

/** What a reservation holds of one counter, window after window. */
interface Hold {
  readonly counter: Counter;
  readonly pieces: { readonly startMs: number; amount: bigint }[];
}

/** Creates counters that are the process's own, and gone with it. A call to a method is one step of the event loop: nobody comes between. */
export function createMemoryCounters({ clock, maxCounters }: MemoryCountersOptions): CounterStore {
  const places = createCounterPlaces(maxCounters);
  const holds = new Map<string, readonly Hold[]>();
  let reservations = 0;
  /** One that is there, in the window that is open now. */
  const known = (wanted: CounterName): Counter | undefined => {
    const now = clock.now();
    const counter = places.find(nameOf(wanted));
    if (counter?.endMs !== undefined && counter.endMs <= now) {
      Object.assign(counter, windowAt(wanted.limit.window, now), { settled: 0n, reserved: 0n });
    }
    return counter;
  };
  const made = ({ limit, subject }: CounterName, now: number): Counter => ({
    name: nameOf({ limit, subject }),
    crowd: crowdOf({ limit, subject }),
    ...windowAt(limit.window, now),
    settled: 0n,
    reserved: 0n,
    holders: 0,
  });
  /** One of a limit that is not hard may stay beside the others: it counts for whoever holds it alone, and keeps nobody from a call. */
  const counterOf = (wanted: CounterName): Counter => {
    const there = known(wanted);
    if (there !== undefined) return there;
    const now = clock.now();
    const counter = made(wanted, now);
    if (places.hasRoom(counter, now)) places.enter(counter);
    else if (wanted.limit.mode === "hard") throw overloaded(counter);
    return counter;
  };
  /** Of one that is not there too, which stays so. */
  const standingOf = ({ limit, subject }: CounterName): Standing => {
    const counter = known({ limit, subject });
    const { startMs } = counter ?? windowAt(limit.window, clock.now());
    return {
      limit,
      subject,
      windowStartMs: startMs,
      settled: counter?.settled ?? 0n,
      reserved: counter?.reserved ?? 0n,
    };
  };
  const refusalOf = (claim: Claim, wanted: Wanted): Refusal => {
    const { endMs } = known(claim) ?? windowAt(claim.limit.window, clock.now());
    const waits = endMs !== undefined && fitsEver(claim, wanted);
    return { ...standingOf(claim), ...(waits && { retryAfterMs: clock.until(endMs) }) };
  };
  /** The units all allow, or who refuses. */
  const ask = (claims: readonly Claim[], wanted: Wanted): number | readonly Refusal[] => {
    let units = wanted.most;
    const refused: Claim[] = [];
    for (const claim of claims) {
      const { settled, reserved } = standingOf(claim);
      const allowed = unitsWithin({ claim, used: settled + reserved }, wanted);
      if (allowed === undefined) refused.push(claim);
      else units = Math.min(units, allowed);
    }
    return refused.length === 0 ? units : refused.map((claim) => refusalOf(claim, wanted));
  };
  /** Each is held as soon as it is found: the room for the next one must not be made of it. */
  const holdAll = (claims: readonly Claim[]): readonly Hold[] => {
    const held: Hold[] = [];
    try {
      for (const claim of claims) {
        const counter = counterOf(claim);
        counter.holders += 1;
        held.push({ counter, pieces: [] });
      }
      return held;
    } catch (thrown) {
      letGo(held);
      throw thrown;
    }
  };
  /** Ends a hold. */
  const release = (counter: Counter, now: number): void => {
    counter.holders -= 1;
    places.leaveIfIdle(counter, now);
  };
  /** Ends holds of which nothing was taken. */
  const letGo = (held: readonly Hold[]): void => {
    const now = clock.now();
    for (const { counter } of held) release(counter, now);
  };
  const take = ({ counter, pieces }: Hold, amount: bigint): void => {
    counter.reserved += amount;
    const last = pieces.at(-1);
    if (last?.startMs === counter.startMs) last.amount += amount;
    else pieces.push({ startMs: counter.startMs, amount });
  };
  /** Counts what was used, in the windows in which it was held, of those that are open. */
  const giveBack = ({ counter, pieces }: Hold, used: bigint, now: number): void => {
    let rest = used;
    for (const [place, { startMs, amount }] of pieces.entries()) {
      const isLast = place === pieces.length - 1;
      const share = isLast || rest < amount ? rest : amount;
      rest -= share;
      if (startMs !== counter.startMs) continue;
      counter.reserved -= amount;
      counter.settled += share;
    }
    release(counter, now);
  };
  const granted = (claims: readonly Claim[], units: number): Extract<Grant, { kind: "granted" }> => ({
    kind: "granted",
    units,
    standings: claims.map(standingOf),
  });

  return {
    reserve: async (claims, wanted) => {
      const held = holdAll(claims);
      const units = ask(claims, wanted);
      if (typeof units !== "number") {
        letGo(held);
        return { kind: "refused", refusals: units };
      }
      reservations += 1;
      const reservation: Reservation = { id: String(reservations), claims };
      for (const [index, hold] of held.entries()) {
        const claim = claims[index];
        if (claim !== undefined) take(hold, amountOf(claim, units));
      }
      holds.set(reservation.id, held);
      return { ...granted(claims, units), reservation };
    },
    extend: async ({ id, claims }, wanted) => {
      const held = holds.get(id) ?? [];
      const more = claims.map((claim) => ({ ...claim, fixed: 0n }));
      const units = ask(more, wanted);
      if (typeof units !== "number") return { kind: "refused", refusals: units };
      for (const [index, claim] of more.entries()) {
        const hold = held[index];
        if (hold !== undefined && claim.perUnit > 0n) take(hold, amountOf(claim, units));
      }
      return granted(claims, units);
    },
    settle: async ({ id, claims }, used) => {
      const held = holds.get(id);
      if (held === undefined) return [];
      holds.delete(id);
      const now = clock.now();
      // A window that has ended since begins anew here, so that what was held of it is not taken off the next one.
      for (const claim of claims) known(claim);
      for (const [index, hold] of held.entries()) giveBack(hold, used[index] ?? 0n, now);
      return claims.map(standingOf);
    },
    add: async (name, amount) => {
      if (amount > 0n) counterOf(name).settled += amount;
    },
    raise: async (name, amount, windowStartMs) => {
      const there = known(name);
      const counter = there ?? made(name, clock.now());
      if (amount <= counter.settled || counter.startMs !== windowStartMs) return;
      // What was used before has its place, whoever came first then.
      if (there === undefined) places.enter(counter);
      counter.settled = amount;
    },
    peek: async (name) => standingOf(name),
    close: async () => {
      places.clear();
      holds.clear();
    },
  };
}

function nameOf({ limit, subject }: CounterName): string {
  return `${limitId(limit)}${subject}`;
}

function overloaded({ crowd }: Counter): ExecutionError {
  const message =
    crowd === undefined
      ? "there are more budgets in use than can be kept"
      : "there are more end users or models with budgets in use than can be kept";
  return new ExecutionError("OVERLOADED", message, { retryAfterMs: 1000 });
}
