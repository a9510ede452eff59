import type { ChatEvent } from "../../contract/events.ts";
import type { Reservation } from "../../ledger/budgets/counter-store.ts";
import { refusalError } from "../../ledger/budgets/refusal.ts";
import { softWarning } from "../budgets/budget-events.ts";
import { type BudgetDeps, callerOf } from "../budgets/deps.ts";
import { countsCalls } from "../budgets/lease.ts";
import { unlessDown } from "../budgets/outage.ts";
import { noteReserved, noteSettled, type ShadowDeps } from "../budgets/shadow.ts";
import type { Call, Stage } from "../call.ts";

/** What admitting calls needs from outside. */
export interface AdmitDeps extends ShadowDeps {
  readonly budgets: BudgetDeps;
}

/**
 * Admits a call by what its tenant, key, persona and end user may make: so many calls in a window, so many at once. Its slots are free again when it has
 * ended, however that was; it counts as a call if it had an attempt, as in the ledger, and else gives all back. Throws RATE_LIMITED, BUDGET_EXCEEDED for
 * calls by the day or longer, LEDGER_UNAVAILABLE. Without such limits it is not there.
 */
export function admitStage(deps: AdmitDeps): Stage {
  return (call, next) => {
    if (deps.budgets.limits.isEmpty()) return next(call);
    return { [Symbol.asyncIterator]: () => admitted(deps, call, next(call)[Symbol.asyncIterator]()) };
  };
}

/** No generator: it would cost every read of the provider a few turns, for something that is done at its ends alone. */
function admitted(
  deps: AdmitDeps,
  call: Call,
  source: AsyncIterator<readonly ChatEvent[]>,
): AsyncIterator<readonly ChatEvent[]> {
  let admission: Promise<Admission | undefined> | undefined;
  const begin = async (): Promise<IteratorResult<readonly ChatEvent[]>> => {
    admission = admit(deps, call);
    const opening = (await admission)?.opening ?? [];
    const first = await source.next();
    return first.done === true ? first : { done: false, value: [...first.value, ...opening] };
  };
  return {
    next: () => (admission === undefined ? begin() : source.next()),
    // Whoever reads a call returns it, whatever its end was.
    return: async () => {
      const done = source.return?.();
      const stopped = Promise.allSettled([done]);
      const given = await admission?.catch(() => undefined);
      // An attempt that is just being opened is not in the record yet. A provider that does not stop keeps no slot.
      if (call.record.attempts.length === 0) await stopped;
      await given?.end();
      await done;
      return { done: true, value: undefined };
    },
  };
}

interface Admission {
  readonly opening: readonly ChatEvent[];
  /** Gives its slots back. Never throws. */
  end(): Promise<void>;
}

async function admit(deps: AdmitDeps, call: Call): Promise<Admission | undefined> {
  const { limits, counters, log } = deps.budgets;
  const claims = limits
    .countersOf(callerOf(call))
    .filter(({ limit }) => countsCalls(limit.unit))
    .map((counter) => ({ ...counter, fixed: 1n, perUnit: 0n }));
  if (claims.length === 0) return undefined;
  const answer = await unlessDown(claims, counters.reserve(claims, { most: 0, least: 0 }));
  if (answer === undefined) return undefined;
  if (answer.kind === "refused") throw refusalError(answer.refusals);
  const { reservation, standings } = answer;
  noteReserved(deps, reservation, standings);
  let isOver = false;
  return {
    opening: standings
      .filter(({ limit, settled, reserved }) => limit.mode === "soft" && settled + reserved > limit.amount)
      .map(softWarning),
    end: async () => {
      if (isOver) return;
      isOver = true;
      const used = usedBy(reservation, call);
      try {
        noteSettled(deps, await counters.settle(reservation, used), used);
      } catch (thrown) {
        log.warn("the slots of a call could not be given back", { cause: String(thrown) });
      }
    },
  };
}

/** A call without an attempt was none: those that a budget refuses must not use up what others of the tenant or persona may make. */
function usedBy({ claims }: Reservation, { record }: Call): readonly bigint[] {
  const calls = record.attempts.length === 0 ? 0n : 1n;
  return claims.map(({ limit }) => (limit.unit === "requests" ? calls : 0n));
}
