import type { Limit } from "../../limit.ts";

/** A counter: that of a limit for one of those it counts. */
export interface CounterName {
  readonly limit: Limit;
  /** Whose use it counts, such as the name of a key; for an end user with its tenant. */
  readonly subject: string;
}

/** What is to be taken from one counter: so much in any case, and so much more for each unit that is granted. Neither is negative. */
export interface Claim extends CounterName {
  readonly fixed: bigint;
  readonly perUnit: bigint;
}

/** How many units (tokens of output) are wanted, and with how many it is worth going on. */
export interface Wanted {
  readonly most: number;
  readonly least: number;
}

/** How a counter stands in its window. */
export interface Standing extends CounterName {
  /** Where that window begins by the clock of whoever counts, milliseconds since the epoch; 0 for one that has no beginning. */
  readonly windowStartMs: number;
  /** Used for certain. */
  readonly settled: bigint;
  /** Held by what runs. */
  readonly reserved: bigint;
}

/** A hard limit that does not allow what was asked. */
export interface Refusal extends Standing {
  /** How long until its window ends, in milliseconds; absent if it does not, or what was asked is more than the whole of it. */
  readonly retryAfterMs?: number;
}

/** What is held. */
export interface Reservation {
  readonly id: string;
  readonly claims: readonly Claim[];
}

/** The answer to a wish: all limits allow it, or a hard one does not and nothing was taken. */
export type Grant =
  | { readonly kind: "granted"; readonly units: number; readonly standings: readonly Standing[] }
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] };

/** The answer to a first wish. */
export type Reserved =
  | Exclude<Grant, { kind: "granted" }>
  | (Extract<Grant, { kind: "granted" }> & {
      readonly reservation: Reservation;
    });

/**
 * Counts what limits allow. Each method acts at once and as a whole, whoever else asks: of hard limits settled and reserved together never exceed
 * the amount by what is granted. Limits of other modes are counted and refuse nothing. Every store passes `test/ledger/budgets/counter-suite.ts`.
 *
 * A window is that of the moment of asking. What is settled counts first where it was reserved first, and what is more than was reserved where
 * the last of it was.
 */
export interface CounterStore {
  /** Takes the claims of all limits, with as many units as all hard ones allow, or nothing. Claims are of different counters. */
  reserve(claims: readonly Claim[], wanted: Wanted): Promise<Reserved>;
  /** Takes more units. */
  extend(reservation: Reservation, wanted: Wanted): Promise<Grant>;
  /** Ends a reservation with what was used, an amount a claim. Once only: what is said later changes nothing. */
  settle(reservation: Reservation, used: readonly bigint[]): Promise<readonly Standing[]>;
  /** Counts what was used elsewhere in the window that is open now. */
  add(counter: CounterName, amount: bigint): Promise<void>;
  /** Counts at least so much as used in a window, by its begin, unless another one is open by now: what a counter has anyway is not counted twice. */
  raise(counter: CounterName, amount: bigint, windowStartMs: number): Promise<void>;
  /** How a counter stands. */
  peek(counter: CounterName): Promise<Standing>;
  /** Lets go of what the store holds. */
  close(): Promise<void>;
}
