import type { Side } from "./compare.ts";
import type { Offered } from "./load.ts";
import { samplePairs } from "./pairs.ts";
import { type Estimate, estimateMedian, quantileOf } from "./statistics.ts";

/** What the calls of an open load took, in milliseconds: percentiles of the slices of each side, and what the first side adds, by pairs. */
export interface LatencyComparison {
  readonly p50: { readonly a: Estimate; readonly b: Estimate; readonly added: Estimate };
  readonly p99: { readonly a: Estimate; readonly b: Estimate; readonly added: Estimate };
}

/** Compares how long calls take at two processes under the same open load: pairs of slices in the order A B B A A B ..., one at a time. */
export async function compareLatency(
  a: Side,
  b: Side,
  model: string,
  { pairs, ...offered }: Offered & { readonly pairs: number },
): Promise<LatencyComparison> {
  for (const { load } of [a, b]) await load.offer(model, offered);
  const slice = ({ load }: Side): Promise<readonly number[]> => load.offer(model, offered);
  const slices = await samplePairs(
    pairs,
    () => slice(a),
    () => slice(b),
  );
  const at = (part: number): LatencyComparison["p50"] => {
    const of = slices.map((pair) => ({ a: quantileOf(pair.a, part), b: quantileOf(pair.b, part) }));
    return {
      a: estimateMedian(of.map((pair) => pair.a)),
      b: estimateMedian(of.map((pair) => pair.b)),
      added: estimateMedian(of.map((pair) => pair.a - pair.b)),
    };
  };
  return { p50: at(0.5), p99: at(0.99) };
}
