import type { ExecutionError } from "../../errors.ts";
import type { TargetState } from "../health/health.ts";

/** A candidate of the call, and how it stands now. */
export interface Place extends TargetState {
  /** In tokens; absent if not known. */
  readonly contextWindow?: number;
  /** Most retries of one call here. */
  readonly retries: number;
  /** Whether one attempt more is in the budget of its instance. */
  readonly isInBudget: boolean;
  /** Whether the request's ceiling leaves room for an attempt here. */
  readonly isAffordable: boolean;
  /** Time in which it usually begins to answer, in milliseconds; 0 if not known. */
  readonly usualMs: number;
  /** Whether it is known to continue an answer that was begun. */
  readonly takesPrefix: boolean;
  /** Whether it turned out that it cannot serve the request, without an attempt. */
  readonly isUnfit: boolean;
}

/** A failed attempt of the step. */
export interface Try {
  /** Index of the place. */
  readonly place: number;
  readonly error: ExecutionError;
  /** True if the caller got content of it. */
  readonly hadContent: boolean;
}

/** What the call allows. */
export interface Policy {
  /** Whether another candidate than the first may be tried. */
  readonly mayFallBack: boolean;
  /** Whether a request that one provider's policy blocks may go to another. */
  readonly fallBackOnBlock: boolean;
  /** Whether another candidate may go on with the answer that one has begun, which is all text so far. */
  readonly mayContinue: boolean;
}

/** Everything that decides what comes next. */
export interface Situation {
  readonly places: readonly Place[];
  /** Failed attempts, in order. */
  readonly tries: readonly Try[];
  readonly policy: Policy;
  /** Time that is left, in milliseconds. */
  readonly remainingMs: number;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}
