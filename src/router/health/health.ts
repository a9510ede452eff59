import { LONGEST_PAUSE_MS } from "../../adapters/key-pool.ts";
import { type Breaker, type BreakerState, createBreaker, type Permit } from "./breaker.ts";
import { createLatency, type Latency } from "./latency.ts";
import { createRetryBudget, type RetryBudget } from "./retry-budget.ts";

/** What the process knows of one model of one provider instance. */
export interface TargetHealth {
  readonly breaker: Breaker;
  readonly latency: Latency;
  /** Attempts that run now. */
  running: number;
  /** Until when its provider asked to be left alone, on the monotonic clock in milliseconds. */
  pausedUntilMs: number;
}

/** How a target stands, for whoever asks. */
export interface TargetState {
  readonly provider: string;
  readonly model: string;
  /** `paused` by the provider's rate limit, else its breaker's state. */
  readonly state: BreakerState | "paused";
  /** How long until it may be tried, in milliseconds; 0 if now. */
  readonly waitMs: number;
}

/** What the process has learned of its providers. It outlives reloads of the configuration. */
export interface Health {
  target(provider: string, model: string): TargetHealth;
  /** The budget for retries of an instance. */
  budget(provider: string): RetryBudget;
  stateOf(provider: string, model: string): TargetState;
  /** Every target that was tried of late. */
  states(): readonly TargetState[];
  /** Leave for one attempt; undefined if none may start now. */
  admit(provider: string, model: string): Permit | undefined;
  /** Leaves a target alone for a while, at most ten minutes whatever its provider says. */
  pause(provider: string, model: string, ms: number): void;
  /** Opens the breakers of all models of an instance, those that were never tried too. */
  openInstance(provider: string, cooldownMs: number): void;
}

/** Models are words of the caller's, so what is kept of them is bounded. */
const MAX_TARGETS_PER_PROVIDER = 200;

/** When to ask again while a probe runs, in milliseconds. */
const USUAL_PROBE_MS = 1_000;

/** Creates what a process knows at its start: nothing. `nowMs` is a monotonic clock in milliseconds. */
export function createHealth(nowMs: () => number): Health {
  const providers = new Map<string, Map<string, TargetHealth>>();
  const budgets = new Map<string, RetryBudget>();
  /** Until when models of an instance are out that were not tried before it was opened. */
  const instances = new Map<string, number>();

  const targetsOf = (provider: string): Map<string, TargetHealth> => getOrMake(providers, provider, () => new Map());
  const untriedMs = (provider: string): number => Math.max(0, (instances.get(provider) ?? 0) - nowMs());
  const target = (provider: string, model: string): TargetHealth => {
    const targets = targetsOf(provider);
    const known = targets.get(model);
    if (known !== undefined) return known;
    if (targets.size >= MAX_TARGETS_PER_PROVIDER) forgetOne(targets, nowMs());
    const made = {
      breaker: createBreaker(nowMs),
      latency: createLatency(nowMs),
      running: 0,
      pausedUntilMs: Number.NEGATIVE_INFINITY,
    };
    const openMs = untriedMs(provider);
    if (openMs > 0) made.breaker.open(openMs);
    targets.set(model, made);
    return made;
  };
  const describe = (
    provider: string,
    model: string,
    { breaker, pausedUntilMs }: Pick<TargetHealth, "breaker" | "pausedUntilMs">,
  ): TargetState => {
    const pauseMs = Math.max(0, pausedUntilMs - nowMs());
    const state = pauseMs > 0 ? "paused" : breaker.state();
    // A probe may keep others out for as long as its lease lasts, and usually is over much sooner.
    const waitMs = breaker.state() === "half_open" ? Math.min(USUAL_PROBE_MS, breaker.waitMs()) : breaker.waitMs();
    return { provider, model, state, waitMs: Math.max(pauseMs, waitMs) };
  };
  return {
    target,
    budget: (provider) => getOrMake(budgets, provider, () => createRetryBudget(nowMs)),
    stateOf: (provider, model) => {
      const known = providers.get(provider)?.get(model);
      if (known !== undefined) return describe(provider, model, known);
      const waitMs = untriedMs(provider);
      return { provider, model, state: waitMs > 0 ? "open" : "closed", waitMs };
    },
    states: () =>
      [...providers].flatMap(([provider, targets]) =>
        [...targets].map(([model, known]) => describe(provider, model, known)),
      ),
    admit: (provider, model) => {
      const { breaker, pausedUntilMs } = target(provider, model);
      return pausedUntilMs > nowMs() ? undefined : breaker.admit();
    },
    pause: (provider, model, ms) => {
      const known = target(provider, model);
      known.pausedUntilMs = Math.max(known.pausedUntilMs, nowMs() + Math.min(ms, LONGEST_PAUSE_MS));
    },
    openInstance: (provider, cooldownMs) => {
      instances.set(provider, nowMs() + cooldownMs);
      for (const { breaker } of targetsOf(provider).values()) breaker.open(cooldownMs);
    },
  };
}

/** Forgets the oldest target on which nothing runs and of which nothing bad is known, or else the oldest. */
function forgetOne(targets: Map<string, TargetHealth>, now: number): void {
  const oldest = [...targets].find(
    ([, { running, breaker, pausedUntilMs }]) => running === 0 && pausedUntilMs <= now && breaker.state() === "closed",
  );
  const [first] = targets.keys();
  const model = oldest?.[0] ?? first;
  if (model !== undefined) targets.delete(model);
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
