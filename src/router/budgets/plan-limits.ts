import { ExecutionError } from "../../errors.ts";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { unitsWithin } from "../../ledger/budgets/affordable.ts";
import type { Claim, Refusal, Wanted } from "../../ledger/budgets/counter-store.ts";
import { refusalError } from "../../ledger/budgets/refusal.ts";
import { type Subject, scopeText } from "../../ledger/budgets/registry.ts";
import type { Principal } from "../call.ts";
import type { ConsideredCandidate, KeptCandidate } from "../candidates.ts";
import type { Consideration } from "../resolve.ts";
import { type Ruling, ruling } from "../rulings.ts";
import { isOfAttempt, type LeaseDeps } from "./lease.ts";
import { leaseTerms } from "./terms.ts";

/** Rules out whom hard limits would refuse at this moment. Nothing is reserved, so it may be otherwise in the next. */
export async function holdToLimits(
  deps: LeaseDeps,
  { persona, merged: { request }, candidates }: Consideration,
  { tenant, key }: Principal,
): Promise<readonly ConsideredCandidate[]> {
  if (deps.budgets.limits.isEmpty()) return candidates;
  const caller = { tenant, key, persona, endUserId: request.endUserId };
  return Promise.all(
    candidates.map(async (entry): Promise<ConsideredCandidate> => {
      const refused = entry.kept ? await rulingOf(deps, entry, request, caller) : undefined;
      return refused === undefined ? entry : { kept: false, place: entry.place, rulings: [refused] };
    }),
  );
}

async function rulingOf(
  deps: LeaseDeps,
  { candidate, place }: KeptCandidate,
  request: ChatRequest,
  caller: Subject,
): Promise<Ruling | undefined> {
  const { limits } = deps.budgets;
  const counters = limits.countersOf({ ...caller, provider: place.provider, model: place.model });
  try {
    const { claims, wanted } = leaseTerms(deps, counters.filter(isOfAttempt), candidate, request);
    const calls = counters.filter((counter) => !isOfAttempt(counter));
    const ofCall = calls.map((counter) => ({ ...counter, fixed: 1n, perUnit: 0n }));
    const refusals = await refusalsOf(deps, [...claims, ...ofCall], wanted);
    if (refusals.length === 0) return undefined;
    const { reason } = refusalError(refusals);
    return ruling(reason, `${refusals.map(scopeText).join(", ")} would not allow it now`);
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return ruling(thrown.reason, thrown.message);
    throw thrown;
  }
}

/** Those of hard limits without room. */
async function refusalsOf(
  { budgets }: LeaseDeps,
  claims: readonly Claim[],
  wanted: Wanted,
): Promise<readonly Refusal[]> {
  const hard = claims.filter(({ limit }) => limit.mode === "hard");
  const standings = await Promise.all(
    hard.map(async (claim) => ({ claim, standing: await budgets.counters.peek(claim) })),
  );
  return standings.flatMap(({ claim, standing }) =>
    unitsWithin({ claim, used: standing.settled + standing.reserved }, wanted) === undefined ? [standing] : [],
  );
}
