import type { ProviderBreaker } from "../../adapters/adapter.ts";
import type { RoutingSettings } from "../../config/config.ts";
import type { ExecutionError } from "../../errors.ts";
import { Capability, Support } from "../../gen/execution/v1/capabilities_pb.js";
import type { ResolvedCandidate } from "../call.ts";
import type { Permit } from "../health/breaker.ts";
import type { Health } from "../health/health.ts";
import { supportOf } from "../requirements.ts";
import { reactionTo } from "./reactions.ts";
import type { Place } from "./situation.ts";

/** Leave for one attempt at a place, and where its outcome is told. */
export interface Admission {
  readonly candidate: ResolvedCandidate;
  readonly place: number;
  /** Content came after so many milliseconds. */
  answered(afterMs: number): void;
  succeeded(): void;
  failed(error: ExecutionError): void;
  /** The attempt is over, whatever came of it. */
  end(): void;
}

/** One candidate of a call, with what the process knows of it. */
export interface Target {
  /** Name of its provider instance. */
  readonly provider: string;
  readonly candidate: ResolvedCandidate;
  /** How it stands now. */
  describe(): Omit<Place, "isUnfit" | "isAffordable">;
  /**
   * Leave for one attempt; undefined if none may start now. `isFurther`: the call was at this instance before, so that it is asked of the budget again,
   * which others may have used up while it waited.
   */
  admit(isFurther: boolean): Admission | undefined;
}

/** How long a place is left alone that rate limits without saying for how long, in milliseconds. */
const DEFAULT_PAUSE_MS = 1_000;

/** How long a place stays out whose key, credit or model an operator has to mend, in milliseconds. */
const MENDING_MS = 60_000;

/** Creates the target of a candidate, which is number `place` of its call. */
export function createTarget(
  health: Health,
  candidate: ResolvedCandidate,
  place: number,
  rules: RoutingSettings,
): Target {
  const { settings } = candidate.adapter;
  const provider = settings.name;
  const { model, contextWindow } = candidate.model;
  const breaker = breakerOf(settings.breaker, rules.breaker);
  const retries = rules.retries ?? settings.retries ?? 0;
  return {
    provider,
    candidate,
    describe: () => ({
      ...health.stateOf(provider, model),
      ...(contextWindow === undefined ? {} : { contextWindow }),
      retries,
      isInBudget: health.budget(provider).allows(),
      usualMs: health.target(provider, model).latency.smoothedMs() ?? 0,
      takesPrefix: supportOf(candidate.model, Capability.ASSISTANT_PREFIX) === Support.NATIVE,
    }),
    admit: (isFurther) => {
      const budget = health.budget(provider);
      if (isFurther && !budget.allows()) return undefined;
      const permit = health.admit(provider, model);
      if (permit === undefined) return undefined;
      if (isFurther) budget.spend();
      else budget.request();
      return createAdmission(health, { candidate, place, permit, breaker });
    },
  };
}

interface Admitted {
  readonly candidate: ResolvedCandidate;
  readonly place: number;
  readonly permit: Permit;
  readonly breaker: ProviderBreaker | undefined;
}

function createAdmission(health: Health, { candidate, place, permit, breaker }: Admitted): Admission {
  const provider = candidate.adapter.settings.name;
  const { model } = candidate.model;
  const known = health.target(provider, model);
  known.running += 1;
  let isOver = false;
  return {
    candidate,
    place,
    answered: (afterMs) => {
      known.latency.record(afterMs);
      if (breaker !== undefined) permit.answered(breaker);
    },
    succeeded: () => permit.succeeded(),
    failed: (error) => {
      const { health: effect } = reactionTo(error);
      const { retryAfterMs, otherKey } = error.extras;
      // Another key of the instance may do: nothing is known of the provider itself.
      if (otherKey === true || breaker === undefined) return;
      if (effect === "failure") permit.failed(breaker);
      if (effect === "alive" || effect === "pause") permit.answered(breaker);
      if (effect === "pause" && error.retryable) health.pause(provider, model, retryAfterMs ?? DEFAULT_PAUSE_MS);
      if (effect === "open") permit.tripped(MENDING_MS);
      if (effect !== "open_instance") return;
      // Several keys: the first of them may be free again sooner.
      const cooldownMs = Math.min(MENDING_MS, retryAfterMs ?? MENDING_MS);
      // If it was a probe, that is over.
      permit.tripped(cooldownMs);
      health.openInstance(provider, cooldownMs);
    },
    end: () => {
      if (isOver) return;
      isOver = true;
      known.running -= 1;
      permit.released();
    },
  };
}

/** The persona's word wins, value by value. Undefined if the instance has no breaker. */
function breakerOf(
  instance: ProviderBreaker | undefined,
  persona: Partial<ProviderBreaker> | undefined,
): ProviderBreaker | undefined {
  return instance === undefined ? undefined : { ...instance, ...persona };
}
