import type { CounterName } from "./counter-store.ts";

/** A counter in one of its windows. */
export interface Counter {
  readonly name: string;
  /** Of whom it counts one: a tenant's end users, or models that have no limit of their own. Undefined if nobody can make such counters by a word of a call. */
  readonly crowd: string | undefined;
  startMs: number;
  endMs: number | undefined;
  settled: bigint;
  reserved: bigint;
  /** Reservations that hold something of it, in whatever window. */
  holders: number;
}

/** The places that counters in memory have. */
export interface CounterPlaces {
  /** The one of that name that has a place. */
  find(name: string): Counter | undefined;
  /** True if there is a place for one that has none, or can be: what counts nothing any more is taken away for it. */
  hasRoom(wanted: Counter, now: number): boolean;
  /** Gives one a place, be there room or not. */
  enter(counter: Counter): void;
  /** Takes the place away from one that counts nothing any more. In a full place it would not be found until a window ends. */
  leaveIfIdle(counter: Counter, now: number): void;
  clear(): void;
}

/** The part of all counters that crowds never have. */
const KEPT_FROM_CROWDS = 1 / 10;

/**
 * How many counters one crowd may have for each of theirs that is free. Callers name end users and models as they like: one crowd of them leaves a fifth to others, and however
 * many have as many as they may, some are left to the next one (the dynamic thresholds of buffers that queues share: Choudhury and Hahne, 1998).
 */
const CROWDED_FOR_EACH_FREE = 4;

/** Creates so many places. */
export function createCounterPlaces(maxCounters: number): CounterPlaces {
  const counters = new Map<string, Counter>();
  /** How many of them are of each crowd. */
  const crowds = new Map<string, number>();
  /** Until when it is in vain to look for counters that are not in use: to look through all for each call would take all of the time. */
  let inVainUntilMs = Number.NEGATIVE_INFINITY;

  const changeCrowd = (crowd: string | undefined, by: 1 | -1): void => {
    if (crowd === undefined) return;
    const size = (crowds.get(crowd) ?? 0) + by;
    if (size === 0) crowds.delete(crowd);
    else crowds.set(crowd, size);
  };
  const enter = (counter: Counter): void => {
    counters.set(counter.name, counter);
    changeCrowd(counter.crowd, 1);
    inVainUntilMs = Math.min(inVainUntilMs, counter.endMs ?? Number.POSITIVE_INFINITY);
  };
  const drop = (counter: Counter): void => {
    if (counters.get(counter.name) !== counter) return;
    counters.delete(counter.name);
    changeCrowd(counter.crowd, -1);
  };
  const isFree = ({ crowd }: Counter): boolean => {
    if (crowd === undefined) return counters.size < maxCounters;
    const free = maxCounters * (1 - KEPT_FROM_CROWDS) - counters.size;
    return (crowds.get(crowd) ?? 0) < CROWDED_FOR_EACH_FREE * free;
  };
  /** True if there is a place for one that is not there. */
  const hasRoom = (wanted: Counter, now: number): boolean => {
    if (isFree(wanted)) return true;
    if (now < inVainUntilMs) return false;
    inVainUntilMs = Number.POSITIVE_INFINITY;
    for (const counter of counters.values()) {
      const { endMs = Number.POSITIVE_INFINITY } = counter;
      if (isIdle(counter, now)) drop(counter);
      else if (endMs > now) inVainUntilMs = Math.min(inVainUntilMs, endMs);
    }
    return isFree(wanted);
  };
  return {
    find: (name) => counters.get(name),
    hasRoom,
    enter,
    leaveIfIdle: (counter, now) => {
      if (isIdle(counter, now)) drop(counter);
    },
    clear: () => {
      counters.clear();
      crowds.clear();
    },
  };
}

/** End users are a tenant's own, before the first slash of a subject; models are everybody's, unless the limit is a tenant's. */
export function crowdOf({ limit: { scope, value, tenant = "" }, subject }: CounterName): string | undefined {
  if (scope === "end_user") return `end_user ${subject.slice(0, subject.indexOf("/"))}`;
  return scope === "model" && value === undefined ? `model ${tenant}` : undefined;
}

/** True of one that counts nothing any more. */
function isIdle({ endMs, settled, reserved, holders }: Counter, now: number): boolean {
  return holders === 0 && reserved === 0n && (settled === 0n || (endMs !== undefined && endMs <= now));
}
