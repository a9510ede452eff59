import type { ProviderBreaker as BreakerSettings } from "../../adapters/adapter.ts";

/**
 * `closed` lets every attempt through, `open` none, `half_open` one at a time. It is half open when its cooldown is over, whether somebody asks or
 * not.
 */
export type BreakerState = "closed" | "open" | "half_open";

/**
 * Leave for one attempt. What happens to the attempt is reported to it, once or not at all; what comes from before the breaker's last change of
 * state counts for nothing.
 */
export interface Permit {
  /** True if this attempt is the one that tries whether a half-open breaker may close. */
  readonly isProbe: boolean;
  /** The provider answers: a probe closes the breaker, on trial, so that one more failure opens it again. */
  answered(settings: BreakerSettings): void;
  /** The attempt succeeded: failures before it are forgotten. */
  succeeded(): void;
  failed(settings: BreakerSettings): void;
  /** It is known that nothing can succeed for a while. */
  tripped(cooldownMs: number): void;
  /** The attempt ended without telling anything of the provider. */
  released(): void;
}

/** The circuit breaker of one model of one provider instance. Its state follows from reports and the clock alone. */
export interface Breaker {
  state(): BreakerState;
  /** How long until an attempt may be let through, in milliseconds; 0 if one may be now. */
  waitMs(): number;
  /** Leave for one attempt; undefined if none may start now. */
  admit(): Permit | undefined;
  /** Opens it, whatever its state. A probe that runs keeps others out until its lease ends. */
  open(cooldownMs: number): void;
}

/**
 * How long a probe keeps others out, in milliseconds. A probe that is not heard of for longer (its process hangs, its caller reads nothing) must not
 * keep a provider out for ever: the next one may try then, and the lost one counts for nothing.
 */
export const PROBE_LEASE_MS = 30_000;

/** Creates a closed breaker. `nowMs` is a monotonic clock in milliseconds. */
export function createBreaker(nowMs: () => number): Breaker {
  /** Counts the changes of state: a permit of an earlier one is void. */
  let generation = 0;
  let failures = 0;
  /** Undefined while closed. */
  let openUntilMs: number | undefined;
  /** End of the lease of the running probe. */
  let probeUntilMs: number | undefined;

  const close = (failuresBefore: number): void => {
    generation += 1;
    failures = failuresBefore;
    openUntilMs = undefined;
    probeUntilMs = undefined;
  };
  const open = (cooldownMs: number): void => {
    generation += 1;
    openUntilMs = nowMs() + cooldownMs;
  };
  const reopen = (cooldownMs: number): void => {
    open(cooldownMs);
    probeUntilMs = undefined;
  };
  const state = (): BreakerState => {
    if (openUntilMs === undefined) return "closed";
    return nowMs() < openUntilMs ? "open" : "half_open";
  };
  const waitMs = (): number => {
    if (openUntilMs === undefined) return 0;
    return Math.max(0, openUntilMs - nowMs(), (probeUntilMs ?? 0) - nowMs());
  };
  return {
    state,
    waitMs,
    open,
    admit: () => {
      if (waitMs() > 0) return undefined;
      const isProbe = openUntilMs !== undefined;
      if (isProbe) {
        generation += 1;
        probeUntilMs = nowMs() + PROBE_LEASE_MS;
      }
      const admitted = generation;
      /** A probe's generation ends with its answer; what becomes of its attempt afterwards counts in the next one. */
      let own = admitted;
      const counts = (): boolean => own === generation;
      return {
        isProbe,
        answered: (settings) => {
          if (!counts() || openUntilMs === undefined) return;
          close(settings.failures - 1);
          own = generation;
        },
        succeeded: () => {
          if (!counts()) return;
          if (openUntilMs !== undefined) close(0);
          failures = 0;
        },
        failed: (settings) => {
          if (!counts()) return;
          failures += 1;
          if (openUntilMs !== undefined || failures >= settings.failures) reopen(settings.cooldownMs);
        },
        tripped: (cooldownMs) => {
          if (counts()) reopen(cooldownMs);
        },
        released: () => {
          if (counts() && openUntilMs !== undefined) probeUntilMs = undefined;
        },
      };
    },
  };
}
