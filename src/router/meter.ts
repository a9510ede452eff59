import type { ChatEvent } from "../contract/events.ts";
import { warningEvent } from "../contract/events.ts";
import { withinInt64 } from "../contract/money.ts";
import { AttemptOutcome, type AttemptSummary, Billed } from "../gen/execution/v1/usage_pb.js";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import type { LedgerStore } from "../ledger/store.ts";
import type { Call, ResolvedCandidate } from "./call.ts";
import { priceOfCandidate, priceUnknown } from "./pricing.ts";
import { createStreamedOutput } from "./unfinished-usage.ts";

/** What metering an attempt needs from outside. */
export interface MeterDeps {
  readonly prices: PriceBook;
  readonly ledger: LedgerStore;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly newId: () => string;
}

/** Prices one attempt while it runs, and writes it down once it is over. */
export interface Meter {
  /** What the caller should know before the attempt: that it has no price. */
  readonly warnings: readonly ChatEvent[];
  /** Takes every event of the attempt, in order, and puts the cost into those of usage. */
  see(event: ChatEvent): void;
  /** Tokens of output that it has seen, at most. */
  streamedTokens(): number;
  /**
   * Puts the cost into the summary of the attempt, which is over, and writes its row; the usage of one that did not give its answer becomes an
   * estimate. Once only: what is said later changes nothing.
   */
  settle(summary: AttemptSummary): Promise<void>;
}

/** Creates the meter of an attempt that begins now, at the prices of now. */
export function createMeter(
  { prices, ledger, nowMs, newId }: MeterDeps,
  call: Call,
  candidate: ResolvedCandidate,
): Meter {
  const { resolved, context, streamId } = call;
  const startedAtMs = nowMs();
  const price = priceOfCandidate(prices, candidate, resolved.request, startedAtMs);
  const streamed = createStreamedOutput();
  let settled = false;
  /** Who is free stays free; who does not bill the attempt has not billed it, whatever the price. */
  const settledCost = ({ usage, billed }: AttemptSummary): bigint | undefined => {
    if (price?.free === true || billed === Billed.NO) return 0n;
    return usage === undefined ? undefined : prices.costOf(price, usage);
  };
  return {
    warnings: price === undefined ? [warningEvent(priceUnknown(candidate))] : [],
    see: (response) => {
      streamed.see(response);
      const { event } = response;
      if (event.case !== "usage" || event.value.usage === undefined) return;
      const cost = prices.costOf(price, event.value.usage);
      if (cost !== undefined) event.value.costNanoUsd = cost;
    },
    streamedTokens: streamed.tokensAtMost,
    settle: async (summary) => {
      if (settled) return;
      settled = true;
      if (summary.outcome !== AttemptOutcome.WON && summary.usage !== undefined) {
        summary.usage = streamed.estimate(summary.usage);
      }
      const { usage, billed } = summary;
      const isFree = price?.free === true || billed === Billed.NO;
      const cost = settledCost(summary);
      if (cost !== undefined) summary.costNanoUsd = cost;
      const priceVersion = cost === undefined || isFree ? "" : prices.version;
      if (priceVersion !== "") call.record.priceVersion = priceVersion;
      await ledger.append({
        attemptId: `attempt_${newId()}`,
        streamId,
        requestId: context.requestId,
        tenant: context.principal.tenant,
        key: context.principal.key,
        persona: resolved.persona,
        endUserId: resolved.request.endUserId,
        metadata: resolved.request.metadata,
        step: summary.step,
        attempt: summary.attempt,
        provider: candidate.adapter.settings.name,
        kind: candidate.adapter.settings.kind,
        model: candidate.model.model,
        ...(usage === undefined ? {} : { usage }),
        ...(cost === undefined ? {} : { costNanoUsd: cost }),
        priceVersion,
        billed,
        outcome: summary.outcome,
        reason: summary.reason,
        startedAtMs,
        endedAtMs: nowMs(),
      });
    },
  };
}

/** What all attempts cost together; undefined if that is not known of one of them, or no amount can hold it. */
export function costOfAttempts(attempts: readonly AttemptSummary[]): bigint | undefined {
  let sum = 0n;
  for (const { costNanoUsd } of attempts) {
    if (costNanoUsd === undefined) return undefined;
    sum += costNanoUsd;
  }
  return withinInt64(sum);
}
