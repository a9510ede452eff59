import type { CounterName, CounterStore, Reservation, Standing } from "../../src/ledger/budgets/counter-store.ts";
import { limitId } from "../../src/limit.ts";

/** Counters in memory that are looked at after each step. */
export interface WatchedCounters {
  /** Lays the watch around counters. */
  watch(counters: CounterStore): CounterStore;
  /** Steps so far that took, gave back or counted something. */
  steps(): number;
  /** The most that settled and reserved came to together in any counter after any step. */
  highest(): bigint;
  /** How the counter of a limit stands, by what was granted and settled. */
  standing(): Pick<Standing, "settled" | "reserved">;
  /** Steps after which counters said something else than what was granted and settled. */
  readonly contradictions: readonly string[];
}

/**
 * Creates a watch for counters that act at once when they are called, as those in memory do. It keeps books of its own, of what was granted and settled, and asks after
 * each step, before anybody else has a turn, what the counters have. Neither is sampled.
 */
export function createCounterWatch(): WatchedCounters {
  const books = new Map<string, { settled: bigint; reserved: bigint }>();
  const held = new Map<string, readonly bigint[]>();
  const contradictions: string[] = [];
  let steps = 0;
  let highest = 0n;

  const bookOf = ({ limit, subject }: CounterName) => {
    const id = limitId(limit) + subject;
    const book = books.get(id) ?? { settled: 0n, reserved: 0n };
    books.set(id, book);
    return book;
  };
  const compare = (what: string, standing: Standing): void => {
    const { settled, reserved } = bookOf(standing);
    for (const both of [standing.settled + standing.reserved, settled + reserved]) if (both > highest) highest = both;
    if (settled === standing.settled && reserved === standing.reserved) return;
    contradictions.push(`${what}: ${standing.settled}+${standing.reserved}, and not ${settled}+${reserved}`);
  };
  const look = <Answer>(
    what: string,
    counters: CounterStore,
    names: readonly CounterName[],
    step: { readonly answer: Promise<Answer>; readonly keep: (answer: Answer) => void },
  ): Promise<Answer> => {
    const standings = names.map((name) => counters.peek(name));
    steps += 1;
    // What has resolved already is told in the order in which it was asked to tell.
    step.answer.then(step.keep, () => undefined);
    for (const standing of standings) standing.then((found) => compare(what, found)).catch(() => undefined);
    return step.answer;
  };
  const hold = (reservation: Reservation, amounts: readonly bigint[]): void => {
    const before = held.get(reservation.id) ?? [];
    held.set(
      reservation.id,
      amounts.map((amount, index) => amount + (before[index] ?? 0n)),
    );
    for (const [index, claim] of reservation.claims.entries()) bookOf(claim).reserved += amounts[index] ?? 0n;
  };
  return {
    watch: (counters) => ({
      ...counters,
      reserve: (claims, wanted) =>
        look("reserve", counters, claims, {
          answer: counters.reserve(claims, wanted),
          keep: (answer) => {
            if (answer.kind === "refused") return;
            const units = BigInt(answer.units);
            hold(
              answer.reservation,
              claims.map(({ fixed, perUnit }) => fixed + perUnit * units),
            );
          },
        }),
      extend: (reservation, wanted) =>
        look("extend", counters, reservation.claims, {
          answer: counters.extend(reservation, wanted),
          keep: (answer) => {
            if (answer.kind === "refused") return;
            hold(
              reservation,
              reservation.claims.map(({ perUnit }) => perUnit * BigInt(answer.units)),
            );
          },
        }),
      settle: (reservation, used) =>
        look("settle", counters, reservation.claims, {
          answer: counters.settle(reservation, used),
          keep: () => {
            const amounts = held.get(reservation.id);
            held.delete(reservation.id);
            if (amounts === undefined) return;
            for (const [index, claim] of reservation.claims.entries()) {
              const book = bookOf(claim);
              book.reserved -= amounts[index] ?? 0n;
              book.settled += used[index] ?? 0n;
            }
          },
        }),
      add: (name, amount) =>
        look("add", counters, [name], {
          answer: counters.add(name, amount),
          keep: () => {
            bookOf(name).settled += amount;
          },
        }),
    }),
    steps: () => steps,
    highest: () => highest,
    standing: () => [...books.values()][0] ?? { settled: 0n, reserved: 0n },
    contradictions,
  };
}
