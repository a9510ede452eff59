import { ExecutionError } from "../../errors.ts";
import { Capability, type ModelCapabilities, Support } from "../../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, Modality } from "../../gen/execution/v1/chat_pb.js";
import type { Claim, CounterName, Wanted } from "../../ledger/budgets/counter-store.ts";
import { sizeInput } from "../../ledger/prices/input-size.ts";
import type { PriceBook } from "../../ledger/prices/price-book.ts";
import type { ResolvedCandidate } from "../call.ts";
import { priceOfCandidate } from "../pricing.ts";
import { supportOf } from "../requirements.ts";

/** Tokens of output a lease begins with, and grows by. */
export const LEASE_TOKENS = 512;

/** More than any model makes: no bound is known. */
const UNBOUNDED_TOKENS = 2 ** 32 - 1;

/** What an attempt reserves before it is sent. */
export interface LeaseTerms {
  readonly claims: readonly Claim[];
  readonly wanted: Wanted;
  /** True if all output it is billed for is streamed, so that it can be counted, and cut, while it comes. */
  readonly isMetered: boolean;
  /** Tokens the output cannot exceed whatever is granted, as caller and model have it; undefined if neither says. */
  readonly mostOutput: number | undefined;
}

/** What terms are worked out from. */
export interface TermsDeps {
  readonly prices: PriceBook;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/**
 * What an attempt has to reserve at each of its counters. Money: the most its input can cost, and the most a token of output can. Tokens: the input as
 * expected and a quarter more, since a token a byte would refuse prompts that fit well.
 *
 * A metered model gets 512 tokens of output to begin with. An opaque one, which is billed for what it does not show, gets all that caller and model
 * allow, or as much of it as the limits do. Throws MODEL_UNPRICED if a hard limit counts money and the model has no price.
 */
export function leaseTerms(
  deps: TermsDeps,
  counters: readonly CounterName[],
  candidate: ResolvedCandidate,
  request: ChatRequest,
): LeaseTerms {
  const { model } = candidate;
  const money = moneyOf(deps, counters, candidate, request);
  const input = Math.ceil(sizeInput(request).expected * 1.25);
  const claims = counters.flatMap((counter): readonly Claim[] => {
    switch (counter.limit.unit) {
      case "usd":
        return money === undefined ? [] : [{ ...counter, ...money }];
      case "tokens":
        return [{ ...counter, fixed: BigInt(input), perUnit: 1n }];
      default:
        return [{ ...counter, fixed: 1n, perUnit: 0n }];
    }
  });
  const hard = claims.filter(({ limit, perUnit }) => limit.mode === "hard" && perUnit > 0n);
  const mostOutput = least(request.sampling?.maxOutputTokens, model.maxOutputTokens);
  const isMetered = meters(
    model,
    request,
    hard.some(({ limit }) => limit.unit === "usd"),
  );
  const bound = mostOutput ?? (hard.length === 0 || isMetered ? LEASE_TOKENS : UNBOUNDED_TOKENS);
  const most = isMetered ? Math.min(LEASE_TOKENS, bound) : bound;
  return { claims, wanted: { most, least: Math.min(LEASE_TOKENS, most) }, isMetered, mostOutput };
}

/** What money is reserved; undefined if none can be counted: nobody bills, or the price is not known. */
function moneyOf(
  { prices, nowMs }: TermsDeps,
  counters: readonly CounterName[],
  candidate: ResolvedCandidate,
  request: ChatRequest,
): Pick<Claim, "fixed" | "perUnit"> | undefined {
  const inUsd = counters.filter(({ limit }) => limit.unit === "usd");
  if (inUsd.length === 0) return undefined;
  const price = priceOfCandidate(prices, candidate, request, nowMs());
  if (price?.free === true) return undefined;
  const bound = prices.bound(price, request, candidate.model);
  if (bound !== undefined) return { fixed: bound.inputNanoUsd, perUnit: bound.outputTokenNanoUsd };
  if (inUsd.every(({ limit }) => limit.mode !== "hard")) return undefined;
  const subject = `${candidate.adapter.settings.name}/${candidate.model.model}`;
  const description = "no price is known, so that its budget cannot be kept";
  throw new ExecutionError("MODEL_UNPRICED", `${subject}: ${description}`, {
    preconditions: [{ type: "PRICE", subject, description }],
  });
}

/**
 * True if all output that is billed is streamed: no reasoning that may be hidden, or shown as a summary alone, no answer in one piece, no tools the
 * provider runs, no sound and no pictures. Where money is at stake what is not known counts as if it were so.
 */
function meters(model: ModelCapabilities, request: ChatRequest, isMoney: boolean): boolean {
  const reasons = supportOf(model, Capability.REASONING);
  const mayReason = reasons === Support.UNSPECIFIED ? isMoney : reasons !== Support.NONE;
  return (
    !mayReason &&
    supportOf(model, Capability.STREAMING) !== Support.NONE &&
    request.providerTools.length === 0 &&
    Object.keys(request.providerOptionsJson).length === 0 &&
    request.modalities.every((modality) => modality === Modality.TEXT)
  );
}

function least(...bounds: readonly (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
