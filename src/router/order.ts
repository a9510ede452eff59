import { createHash } from "node:crypto";
import type { Strategy } from "../config/config.ts";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import type { ConsideredCandidate, KeptCandidate } from "./candidates.ts";
import type { PricingDeps } from "./ceiling.ts";
import type { Health } from "./health/health.ts";
import { priceOfCandidate } from "./pricing.ts";
import { nameOf } from "./rulings.ts";

/** What the order of candidates may depend on beside the request. */
export interface OrderDeps extends PricingDeps {
  readonly health: Health;
  /** A number from 0 to below 1. One that always gives the same shows the likeliest order. */
  readonly random: () => number;
}

/** A candidate with what it is ordered by: lower is tried earlier, and `remark` says why. */
interface Ranked {
  readonly entry: KeptCandidate;
  readonly rank: number;
  readonly remark: string;
}

/**
 * Puts candidates in the order in which they are tried: those that are kept as the strategy says, each with a remark that says why it is where it is;
 * then those that are ruled out. In order (`ordered`) everything stays where it is.
 */
export function orderCandidates(
  strategy: Strategy,
  considered: readonly ConsideredCandidate[],
  request: ChatRequest,
  deps: OrderDeps,
): readonly ConsideredCandidate[] {
  const key = request.endUserId === "" ? request.cacheKey : request.endUserId;
  if (strategy === "ordered" || (strategy === "sticky" && key === "")) return considered;
  const kept = considered.filter((entry) => entry.kept);
  const ranked = {
    weighted: () => byWeight(kept, deps.random),
    sticky: () => byHash(kept, key),
    cost: () => byCost(kept, request, deps),
    latency: () => byLatency(kept, deps),
  }[strategy]();
  const sorted = ranked.toSorted((one, other) => one.rank - other.rank);
  return [
    ...sorted.map(({ entry, remark }) => ({ ...entry, placed: remark })),
    ...considered.filter((entry) => !entry.kept),
  ];
}

/** A random order in which each is first as often as its weight says (Efraimidis and Spirakis, 2006). */
function byWeight(kept: readonly KeptCandidate[], random: () => number): readonly Ranked[] {
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept.map((entry) => {
    const remark = `weighted: first in ${entry.weight} of ${total} calls`;
    return { entry, rank: exponential(random(), entry.weight), remark };
  });
}

/** Rendezvous hashing: a key stays with its candidate, whatever becomes of the others, and keys are spread by weight. */
function byHash(kept: readonly KeptCandidate[], key: string): readonly Ranked[] {
  return kept.map((entry) => {
    const hash = createHash("sha256")
      .update(JSON.stringify([key, nameOf(entry.place)]))
      .digest();
    return {
      entry,
      rank: exponential(hash.readUIntBE(0, 6) / 2 ** 48, entry.weight),
      remark: "sticky: by the end user or cache key",
    };
  });
}

/** Of several such numbers the smallest belongs to each as often as its weight says. Weight 0 comes last. */
function exponential(uniform: number, weight: number): number {
  return weight === 0 ? Number.MAX_VALUE : -Math.log(1 - uniform) / weight;
}

function byCost(kept: readonly KeptCandidate[], request: ChatRequest, { prices, nowMs }: OrderDeps): readonly Ranked[] {
  return kept.map((entry) => {
    const price = priceOfCandidate(prices, entry.candidate, request, nowMs());
    const { expectedNanoUsd } = prices.estimate(price, request, entry.candidate.model);
    return expectedNanoUsd === undefined
      ? { entry, rank: Number.MAX_VALUE, remark: "cost: not known" }
      : { entry, rank: Number(expectedNanoUsd), remark: `cost: about ${expectedNanoUsd} nano-USD` };
  });
}

/**
 * By time to first content, times the calls that run there and this one. The better of two that are drawn goes first: were it always the best of all,
 * every process would run to the same one. Who was never measured goes first, to be measured.
 */
function byLatency(kept: readonly KeptCandidate[], { health, random }: OrderDeps): readonly Ranked[] {
  const ranked = kept
    .map((entry) => {
      const { latency, running } = health.target(entry.place.provider, entry.place.model);
      const ms = latency.smoothedMs();
      const remark =
        ms === undefined
          ? "latency: not measured yet"
          : `latency: about ${Math.round(ms)} ms to first content, ${running} running`;
      return { entry, rank: (ms ?? 0) * (running + 1), remark };
    })
    .toSorted((one, other) => one.rank - other.rank);
  const drawn = new Set(
    ranked
      .map((each) => ({ each, at: random() }))
      .toSorted((one, other) => one.at - other.at)
      .slice(0, 2)
      .map(({ each }) => each),
  );
  const first = ranked.find((each) => drawn.has(each));
  return ranked.map((each) => (each === first ? { ...each, rank: -1 } : each));
}
