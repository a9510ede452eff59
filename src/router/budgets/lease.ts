import { create } from "@bufbuild/protobuf";
import { type ChatEvent, warning } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { type ChatRequest, SamplingSchema } from "../../gen/execution/v1/chat_pb.js";
import { type AttemptSummary, Billed } from "../../gen/execution/v1/usage_pb.js";
import { amountOf } from "../../ledger/budgets/affordable.ts";
import type { Claim, CounterName, Reservation, Standing } from "../../ledger/budgets/counter-store.ts";
import { refusalError } from "../../ledger/budgets/refusal.ts";
import { scopeLabel, scopeText } from "../../ledger/budgets/registry.ts";
import type { Call, ResolvedCandidate } from "../call.ts";
import { budgetEvent, isNearlyUsed, softWarning } from "./budget-events.ts";
import { type BudgetDeps, callerOf } from "./deps.ts";
import { unlessDown } from "./outage.ts";
import { noteReserved, noteSettled, type ShadowDeps } from "./shadow.ts";
import { LEASE_TOKENS, type LeaseTerms, leaseTerms, type TermsDeps } from "./terms.ts";

/** How an attempt ended, for what it held. */
export interface LeaseEnd {
  readonly summary: AttemptSummary;
  /** True if the provider said what the whole of it used. */
  readonly isFinal: boolean;
  /** Tokens that were streamed, at most. */
  readonly streamedTokens: number;
}

/** What one attempt holds of the limits it counts for. */
export interface Lease {
  /** The request to send: with what can be paid for as its maximum, where the model may spend unseen. */
  readonly request: ChatRequest;
  /** What the caller is told before the attempt begins. */
  readonly opening: readonly ChatEvent[];
  /** True if so many streamed tokens come near to what is held. */
  isShort(streamedTokens: number): boolean;
  /** Takes more. Throws BUDGET_EXCEEDED, and is cut, if there is nothing more. */
  extend(streamedTokens: number): Promise<void>;
  isCut(): boolean;
  /** What the caller is told of the budgets by which it was cut. */
  closing(): readonly ChatEvent[];
  /** Gives back what was not used, and returns what the caller is told of it. Never throws. */
  settle(end: LeaseEnd): Promise<readonly ChatEvent[]>;
  /** Gives all back: the attempt never was. Never throws. */
  release(): Promise<void>;
}

/** Tokens that are held beyond what was streamed: more are asked for when fewer are left. */
const HEADROOM_TOKENS = 128;

/** What leases need from outside. */
export interface LeaseDeps extends TermsDeps, ShadowDeps {
  readonly budgets: BudgetDeps;
}

/**
 * Takes the lease of an attempt; undefined if no limit counts it. Throws what a limit refuses it by (BUDGET_EXCEEDED, RATE_LIMITED, MODEL_UNPRICED)
 * and, while the counters of hard limits cannot be reached, LEDGER_UNAVAILABLE.
 */
export async function takeLease(
  deps: LeaseDeps,
  call: Call,
  candidate: ResolvedCandidate,
  request: ChatRequest,
): Promise<Lease | undefined> {
  const { budgets } = deps;
  if (budgets.limits.isEmpty()) return undefined;
  const place = { provider: candidate.adapter.settings.name, model: candidate.model.model };
  const counters = budgets.limits.countersOf({ ...callerOf(call), ...place }).filter(isOfAttempt);
  if (counters.length === 0) return undefined;
  const terms = leaseTerms(deps, counters, candidate, request);
  if (terms.claims.length === 0) return undefined;
  const answer = await unlessDown(counters, budgets.counters.reserve(terms.claims, terms.wanted));
  if (answer === undefined) return undefined;
  if (answer.kind === "refused") throw refusalError(answer.refusals);
  noteReserved(deps, answer.reservation, answer.standings);
  return createLease(deps, call, request, { ...answer, terms });
}

/** Money and tokens are counted by the attempt, and all that counts at a provider or model; calls at those who make them where a call begins. */
export function isOfAttempt({ limit }: CounterName): boolean {
  return !countsCalls(limit.unit) || limit.scope === "provider" || limit.scope === "model";
}

/** True for a unit that counts calls, be it attempts of them. */
export function countsCalls(unit: CounterName["limit"]["unit"]): boolean {
  return unit === "requests" || unit === "concurrent";
}

interface Held {
  readonly reservation: Reservation;
  readonly units: number;
  readonly standings: readonly Standing[];
  readonly terms: LeaseTerms;
}

function createLease(
  deps: LeaseDeps,
  { context: { principal } }: Call,
  request: ChatRequest,
  { reservation, terms, ...first }: Held,
): Lease {
  const { counters, log } = deps.budgets;
  const { claims, isMetered } = terms;
  let { units } = first;
  /** Nothing more is asked for once all is held that the output can have. */
  let isComplete = !isMetered || claims.every(({ perUnit }) => perUnit === 0n);
  let cut: readonly ChatEvent[] = [];
  const capped = isMetered ? undefined : capFor(terms, units);

  const warnOfUntold = (thrown: unknown): void =>
    log.warn("what a call used could not be told to its budgets", { cause: String(thrown) });
  const usedOf = (claim: Claim, { summary, isFinal, streamedTokens }: LeaseEnd): bigint => {
    const { unit } = claim.limit;
    if (unit === "concurrent") return 0n;
    if (unit === "requests") return 1n;
    if (summary.billed === Billed.NO) return 0n;
    const known = unit === "usd" ? summary.costNanoUsd : tokensOf(summary);
    if (isFinal && known !== undefined) return known;
    // What nobody said counts as the most it may be.
    const most = amountOf(claim, isMetered ? Math.min(units, streamedTokens) : units);
    return known !== undefined && known > most ? known : most;
  };
  return {
    request: capped === undefined ? request : withCap(request, capped),
    opening: [
      ...first.standings.filter(isTold).map((standing) => budgetEvent(standing, principal, false)),
      ...first.standings.filter(isOverSoftly).map(softWarning),
      ...(capped !== undefined && capped < (terms.mostOutput ?? Number.POSITIVE_INFINITY)
        ? [cappedWarning(capped)]
        : []),
    ],
    isShort: (streamedTokens) => !isComplete && streamedTokens + HEADROOM_TOKENS > units,
    extend: async (streamedTokens) => {
      const left = (terms.mostOutput ?? Number.POSITIVE_INFINITY) - units;
      const most = Math.min(left, Math.max(LEASE_TOKENS, streamedTokens - units + LEASE_TOKENS));
      if (most <= 0) {
        isComplete = true;
        return;
      }
      const wanted = { most, least: 1 };
      const answer = await unlessDown(claims, counters.extend(reservation, wanted));
      if (answer === undefined) {
        isComplete = true;
        return;
      }
      if (answer.kind === "granted") {
        units += answer.units;
        if (streamedTokens <= units) return;
        // All is held that caller and model allow: what was streamed is less than its bytes may be.
        if (answer.units === left) {
          isComplete = true;
          return;
        }
      }
      const refusals = answer.kind === "refused" ? answer.refusals : answer.standings.filter(isFull(claims));
      cut = refusals.map((refusal) => budgetEvent(refusal, principal, true));
      throw cutError(refusals);
    },
    isCut: () => cut.length > 0,
    closing: () => cut,
    settle: async (end) => {
      const used = claims.map((claim) => usedOf(claim, end));
      try {
        const standings = await counters.settle(reservation, used);
        noteSettled(deps, standings, used);
        return standings
          .filter((standing, index) => isTold(standing) && !isNearlyUsed(standing, used[index]))
          .map((standing) => budgetEvent(standing, principal, false));
      } catch (thrown) {
        warnOfUntold(thrown);
        return [];
      }
    },
    release: async () => {
      const nothing = claims.map(() => 0n);
      await counters.settle(reservation, nothing).catch(warnOfUntold);
    },
  };
}

/** What is sent as the maximum: what was granted, if the caller's own is not lower, and the limits are what grants it. */
function capFor({ claims }: LeaseTerms, units: number): number | undefined {
  return claims.some(({ limit, perUnit }) => limit.mode === "hard" && perUnit > 0n) ? units : undefined;
}

function withCap(request: ChatRequest, maxOutputTokens: number): ChatRequest {
  return { ...request, sampling: { ...(request.sampling ?? create(SamplingSchema)), maxOutputTokens } };
}

function cappedWarning(tokens: number): ChatEvent {
  const text = `the budget allows ${tokens} tokens of output, which were sent as the maximum`;
  return warning("OUTPUT_CAPPED", "sampling.max_output_tokens", text);
}

/** The error of a call that is cut: no time is given, since what was said is said. */
function cutError(standings: readonly Standing[]): ExecutionError {
  return new ExecutionError(
    "BUDGET_EXCEEDED",
    `the answer was cut: ${standings.map(scopeText).join(", ")} is used up`,
    {
      retryable: false,
      quotas: standings.map((standing) => ({
        subject: scopeLabel(standing),
        description: "used up while the answer came",
      })),
    },
  );
}

function isTold(standing: Standing): boolean {
  return standing.limit.mode !== "shadow" && !countsCalls(standing.limit.unit) && isNearlyUsed(standing);
}

function isOverSoftly({ limit, settled, reserved }: Standing): boolean {
  return limit.mode === "soft" && settled + reserved > limit.amount;
}

/** True for a standing without room for one token more. */
function isFull(claims: readonly Claim[]) {
  return ({ limit, settled, reserved }: Standing, index: number): boolean => {
    const { perUnit = 0n } = claims[index] ?? {};
    return limit.mode === "hard" && perUnit > 0n && settled + reserved + perUnit > limit.amount;
  };
}

function tokensOf({ usage }: AttemptSummary): bigint | undefined {
  const { inputTotal, outputTotal } = usage ?? {};
  return inputTotal === undefined || outputTotal === undefined ? undefined : BigInt(inputTotal) + BigInt(outputTotal);
}
