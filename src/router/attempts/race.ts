import { type ChatEvent, isContent } from "../../contract/events.ts";
import type { ExecutionError } from "../../errors.ts";
import { NextStep } from "../../gen/execution/v1/chat_pb.js";
import type { Attempt } from "./attempt.ts";
import { attemptFailed } from "./attempt-events.ts";
import { brokenOff } from "./outcome.ts";

/** How a second attempt comes to run beside the first. */
export interface Hedge {
  /** Resolves when the first has had its time, unless the signal fires. */
  readonly elapsed: (signal: AbortSignal) => Promise<void>;
  /** Creates the second attempt and opens it; undefined if none may start now. Never rejects. */
  readonly open: () => Promise<Attempt | undefined>;
  /** Told of an attempt that failed while the other one ran. */
  readonly lost: (attempt: Attempt, error: ExecutionError) => void;
}

type Events = readonly ChatEvent[];

/** An attempt that runs in the race, and what it has said. */
interface Racer {
  readonly attempt: Attempt;
  readonly source: AsyncIterator<Events>;
  readonly said: Events[];
  /** What it says next; never rejects. */
  next: Promise<Outcome>;
}

type Outcome = { readonly racer: Racer } & ({ readonly events: Events } | { readonly thrown: unknown });

/**
 * One attempt out of two. The first is followed; if it has not begun to answer in time a second is started, and whoever has content first is followed
 * from then on. The other is given up, which says nothing of its provider. The second is told of only if it is followed.
 */
export function createRace(first: Attempt, hedge: Hedge): Attempt {
  let leader = first;
  const running = new Set<Racer>();
  /** Events of the race itself, which no attempt said. */
  const own = new WeakSet<Events>();
  const closing: Promise<void>[] = [];
  const timer = new AbortController();
  /** The second attempt, once it is due and open; undefined once it runs, or before the race. */
  let late: Promise<Attempt | undefined> | undefined;
  const tell = (events: Events): Events => {
    own.add(events);
    return events;
  };
  const enter = (attempt: Attempt): void => {
    const start = { attempt, source: attempt.send()[Symbol.asyncIterator](), said: [] };
    const racer: Racer = Object.assign(start, { next: Promise.withResolvers<Outcome>().promise });
    racer.next = read(racer);
    running.add(racer);
  };
  const end = async (racer: Racer): Promise<void> => {
    running.delete(racer);
    if (racer.attempt !== leader) racer.attempt.meterOnly(racer.said.flat());
    await racer.attempt.close();
    await racer.next;
    await racer.source.return?.();
  };
  const giveUp = (racers: readonly Racer[]): void => {
    for (const racer of racers) {
      const ending = end(racer);
      // Whoever waits for it later is told.
      ending.catch(nothing);
      closing.push(ending);
    }
  };
  /** Nobody is started any more: one that is not due is not opened, and one that is open is closed. */
  const close = (): void => {
    timer.abort();
    const unsent = late?.then((attempt) => attempt?.close());
    late = undefined;
    if (unsent === undefined) return;
    unsent.catch(nothing);
    closing.push(unsent);
  };
  const settle = async (): Promise<void> => {
    close();
    await Promise.all(closing);
  };

  /** What is heard next. When the first has had its time, the second is started meanwhile. */
  const hear = async (): Promise<Outcome> => {
    while (true) {
      const reads = [...running].map(({ next }) => next);
      const heard = await Promise.race(late === undefined ? reads : [...reads, late]);
      if (heard !== undefined && "racer" in heard) return heard;
      late = undefined;
      if (heard !== undefined) enter(heard);
    }
  };
  /** Goes on without one that failed. Returns what the caller is told, if it was the one that is followed. */
  const goOnWithout = async (racer: Racer, thrown: unknown): Promise<Events> => {
    running.delete(racer);
    racer.attempt.meterOnly(racer.said.flat());
    const error = await racer.attempt.fail(thrown);
    hedge.lost(racer.attempt, error);
    const [other] = running;
    if (racer.attempt !== leader || other === undefined) return [];
    leader = other.attempt;
    return [attemptFailed(racer.attempt.summary(), error, NextStep.FALLBACK), ...leader.opening()];
  };
  const follow = (racer: Racer): Events => {
    const isNew = racer.attempt !== leader;
    leader = racer.attempt;
    close();
    giveUp([...running].filter((each) => each !== racer));
    return isNew ? leader.opening() : [];
  };

  async function* race(): AsyncGenerator<Events> {
    enter(first);
    late = hedge.elapsed(timer.signal).then(() => (timer.signal.aborted ? undefined : hedge.open()), nothing);
    while (true) {
      const outcome = await hear();
      const { racer } = outcome;
      if ("events" in outcome) {
        racer.said.push(outcome.events);
        if (decides(outcome.events)) {
          yield tell(follow(racer));
          yield* rest(racer);
          return;
        }
        racer.next = read(racer);
      } else if (running.size === 1) {
        yield* racer.said;
        throw outcome.thrown;
      } else {
        yield tell(await goOnWithout(racer, outcome.thrown));
      }
    }
  }

  return {
    summary: () => leader.summary(),
    meterOnly: (events) => leader.meterOnly(events),
    place: () => leader.place(),
    open: () => first.open(),
    hasContent: () => leader.hasContent(),
    isFinished: () => leader.isFinished(),
    opening: () => first.opening(),
    isShort: () => leader.isShort(),
    extend: () => leader.extend(),
    closing: () => leader.closing(),
    send: race,
    take: (events) => (own.has(events) ? events : leader.take(events)),
    win: async (events) => {
      await settle();
      return leader.win(events);
    },
    fail: async (thrown) => {
      const error = await leader.fail(thrown);
      await settle();
      return error;
    },
    close: async () => {
      giveUp([...running]);
      await settle();
      await leader.close();
    },
  };
}

async function read(racer: Racer): Promise<Outcome> {
  try {
    const next = await racer.source.next();
    return next.done === true ? { racer, thrown: brokenOff() } : { racer, events: next.value };
  } catch (thrown) {
    return { racer, thrown };
  }
}

function nothing(): undefined {
  return undefined;
}

function decides(events: Events): boolean {
  return events.some(isContent) || events.at(-1)?.event.case === "finished";
}

/** What the racer has said, and what it goes on to say. */
async function* rest({ source, said }: Racer): AsyncGenerator<Events> {
  try {
    yield* said;
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
  } finally {
    await source.return?.();
  }
}
