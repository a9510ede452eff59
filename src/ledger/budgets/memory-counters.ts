import { ExecutionError } from "../../errors.ts";
import { limitId } from "../../limit.ts";
import { amountOf, fitsEver, unitsWithin } from "./affordable.ts";
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
  /** Most counters, some 400 bytes each. Where all are in use further ones are refused: to forget one would open its budget anew. */
  readonly maxCounters: number;
}

/** A counter in one of its windows. */
interface Counter {
  readonly name: string;
  startMs: number;
  endMs: number | undefined;
  settled: bigint;
  reserved: bigint;
  /** Reservations that hold something of it, in whatever window. */
  holders: number;
}

/** What a reservation holds of one counter, window after window. */
interface Hold {
  readonly counter: Counter;
  readonly pieces: { readonly startMs: number; amount: bigint }[];
}

/** Creates counters that are the process's own, and gone with it. A call to a method is one step of the event loop: nobody comes between. */
export function createMemoryCounters({ clock, maxCounters }: MemoryCountersOptions): CounterStore {
  const counters = new Map<string, Counter>();
  const holds = new Map<string, readonly Hold[]>();
  let reservations = 0;
  /** Until when no window ends of counters that were all in use: to look through them for each call would take all of the time. */
  let fullUntilMs = Number.NEGATIVE_INFINITY;

  const isIdle = ({ endMs, settled, reserved, holders }: Counter, now: number): boolean =>
    holders === 0 && reserved === 0n && (settled === 0n || (endMs !== undefined && endMs <= now));
  const makeRoom = (now: number): void => {
    if (now >= fullUntilMs) {
      let nextEndMs = Number.POSITIVE_INFINITY;
      for (const [name, counter] of counters) {
        const { endMs = now } = counter;
        if (isIdle(counter, now)) counters.delete(name);
        else if (endMs > now) nextEndMs = Math.min(nextEndMs, endMs);
      }
      if (counters.size < maxCounters) return;
      fullUntilMs = nextEndMs;
    }
    throw new ExecutionError("OVERLOADED", "there are more budgets in use than can be kept", { retryAfterMs: 1000 });
  };
  const counterOf = ({ limit, subject }: CounterName): Counter => {
    const now = clock.now();
    const name = `${limitId(limit)}${subject}`;
    let counter = counters.get(name);
    if (counter === undefined) {
      if (counters.size >= maxCounters) makeRoom(now);
      counter = { name, ...windowAt(limit.window, now), settled: 0n, reserved: 0n, holders: 0 };
      counters.set(name, counter);
    } else if (counter.endMs !== undefined && counter.endMs <= now) {
      Object.assign(counter, windowAt(limit.window, now), { settled: 0n, reserved: 0n });
    }
    return counter;
  };
  const standingOf = ({ limit, subject }: CounterName): Standing => {
    const { startMs, settled, reserved } = counterOf({ limit, subject });
    return { limit, subject, windowStartMs: startMs, settled, reserved };
  };
  const refusalOf = (claim: Claim, wanted: Wanted): Refusal => {
    const { endMs } = counterOf(claim);
    const waits = endMs !== undefined && fitsEver(claim, wanted);
    return { ...standingOf(claim), ...(waits && { retryAfterMs: clock.until(endMs) }) };
  };
  /** The units all allow, or who refuses. */
  const ask = (claims: readonly Claim[], wanted: Wanted): number | readonly Refusal[] => {
    let units = wanted.most;
    const refused: Claim[] = [];
    for (const claim of claims) {
      const { settled, reserved } = counterOf(claim);
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
  /** Ends holds of which nothing was taken. What nobody needs then goes at once: in a full place it would not be found until a window ends. */
  const letGo = (held: readonly Hold[]): void => {
    const now = clock.now();
    for (const { counter } of held) {
      counter.holders -= 1;
      if (isIdle(counter, now)) counters.delete(counter.name);
    }
  };
  const take = ({ counter, pieces }: Hold, amount: bigint): void => {
    counter.reserved += amount;
    const last = pieces.at(-1);
    if (last?.startMs === counter.startMs) last.amount += amount;
    else pieces.push({ startMs: counter.startMs, amount });
  };
  /** Counts what was used, in the windows in which it was held, of those that are open. */
  const giveBack = ({ counter, pieces }: Hold, used: bigint, now: number): void => {
    counter.holders -= 1;
    let rest = used;
    for (const [place, { startMs, amount }] of pieces.entries()) {
      const isLast = place === pieces.length - 1;
      const share = isLast || rest < amount ? rest : amount;
      rest -= share;
      if (startMs !== counter.startMs) continue;
      counter.reserved -= amount;
      counter.settled += share;
    }
    if (isIdle(counter, now)) fullUntilMs = Number.NEGATIVE_INFINITY;
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
      for (const claim of claims) counterOf(claim);
      for (const [index, hold] of held.entries()) giveBack(hold, used[index] ?? 0n, now);
      return claims.map(standingOf);
    },
    add: async (name, amount) => {
      counterOf(name).settled += amount;
    },
    raise: async (name, amount) => {
      const counter = counterOf(name);
      if (counter.settled < amount) counter.settled = amount;
    },
    peek: async (name) => standingOf(name),
    close: async () => {
      counters.clear();
      holds.clear();
    },
  };
}
