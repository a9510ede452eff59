import type { ChatEvent } from "../contract/events.ts";
import { warningEvent } from "../contract/events.ts";
import { withinInt64 } from "../contract/money.ts";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import { AttemptOutcome, type AttemptSummary, Billed, type Usage } from "../gen/execution/v1/usage_pb.js";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import type { AttemptRow, LedgerStore } from "../ledger/store.ts";
import { attemptIdOf, openAttempt } from "./attempt-row.ts";
import type { Call, ResolvedCandidate } from "./call.ts";
import { priceOfCandidate, priceUnknown } from "./pricing.ts";
import type { Pulse } from "./pulse.ts";
import { createStreamedOutput } from "./unfinished-usage.ts";

/** What metering an attempt needs from outside. */
export interface MeterDeps {
  readonly prices: PriceBook;
  readonly ledger: LedgerStore;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly newId: () => string;
  /** Runs the checkpoints of attempts that take long. */
  readonly pulse: Pulse;
}

/** Prices one attempt while it runs, and writes it down once it is over. */
export interface Meter {
  /** What the caller should know before the attempt: that it has no price. */
  readonly warnings: readonly ChatEvent[];
  /** Opens the row of the attempt, durably. Throws LEDGER_UNAVAILABLE if that cannot be; the attempt must not be sent then. */
  open(summary: AttemptSummary): Promise<void>;
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

/** Output tokens after which what an attempt has used is noted, at the latest. */
const TOKENS_A_CHECKPOINT = 256;

/** Creates the meter of an attempt that begins now, at the prices of now. `request` is what it is sent, with what was said already where it goes on with an answer. */
export function createMeter(
  { prices, ledger, nowMs, newId, pulse }: MeterDeps,
  call: Call,
  candidate: ResolvedCandidate,
  request: ChatRequest,
): Meter {
  const startedAtMs = nowMs();
  const attemptId = attemptIdOf(startedAtMs, newId);
  const price = priceOfCandidate(prices, candidate, request, startedAtMs);
  const streamed = createStreamedOutput(request);
  let settled = false;
  let running: AttemptSummary | undefined;
  /** Output tokens that the last checkpoint knew of. */
  let noted = 0;
  let endPulse: () => void = () => undefined;

  const outputTokens = (): number => (running?.usage?.outputTotal ?? 0) + streamed.tokens();
  const checkpoint = (): void => {
    const tokens = outputTokens();
    const usage = tokens === noted ? undefined : streamed.estimate(running?.usage);
    if (usage === undefined) return;
    noted = tokens;
    ledger.checkpoint({ attemptId, usage, ...priced(usage, Billed.UNKNOWN), atMs: nowMs() });
  };
  /** Who is free stays free; who does not bill the attempt has not billed it, whatever the price. */
  const priced = (usage: Usage | undefined, billed: Billed): Pick<AttemptRow, "costNanoUsd" | "priceVersion"> => {
    if (price?.free === true || billed === Billed.NO) return { costNanoUsd: 0n, priceVersion: "" };
    const costNanoUsd = usage === undefined ? undefined : prices.costOf(price, usage);
    return costNanoUsd === undefined ? { priceVersion: "" } : { costNanoUsd, priceVersion: price?.version ?? "" };
  };
  return {
    warnings: price === undefined ? [warningEvent(priceUnknown(candidate))] : [],
    open: async (summary) => {
      const attempt = openAttempt(call, candidate, summary, { attemptId, startedAtMs });
      await ledger.open(price?.free === true ? { ...attempt, costNanoUsd: 0n } : attempt);
      running = summary;
      endPulse = pulse.add(checkpoint);
    },
    see: (response) => {
      streamed.see(response);
      if (outputTokens() >= noted + TOKENS_A_CHECKPOINT) checkpoint();
      const { event } = response;
      if (event.case !== "usage" || event.value.usage === undefined) return;
      const cost = prices.costOf(price, event.value.usage);
      if (cost !== undefined) event.value.costNanoUsd = cost;
    },
    streamedTokens: streamed.tokensAtMost,
    settle: async (summary) => {
      if (settled) return;
      settled = true;
      endPulse();
      const estimated = summary.outcome === AttemptOutcome.WON ? undefined : streamed.estimate(summary.usage);
      if (estimated !== undefined) summary.usage = estimated;
      const { usage, billed, outcome, reason } = summary;
      const { costNanoUsd, priceVersion } = priced(usage, billed);
      if (costNanoUsd !== undefined) summary.costNanoUsd = costNanoUsd;
      if (priceVersion !== "") call.record.priceVersion = priceVersion;
      await ledger.settle({
        ...openAttempt(call, candidate, summary, { attemptId, startedAtMs }),
        ...(usage === undefined ? {} : { usage }),
        ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
        priceVersion,
        billed,
        outcome,
        reason,
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
