import type { Side } from "./compare.ts";
import type { Offered } from "./load.ts";
import { samplePairs } from "./pairs.ts";
import { type Estimate, estimateMedian, quantileOf } from "./statistics.ts";

/** One figure of the slices of each side, and what the first side adds, by pairs. */
interface Added {
  readonly a: Estimate;
  readonly b: Estimate;
  readonly added: Estimate;
}

/** What the calls of an open load took: percentiles in milliseconds, and the CPU of a call in microseconds. */
export interface LatencyComparison {
  readonly p50: Added;
  readonly p99: Added;
  readonly cpu: Added;
}

/** Compares how long calls take at two processes under the same open load: pairs of slices in the order A B B A A B ..., one at a time. */
export async function compareLatency(
  a: Side,
  b: Side,
  model: string,
  { pairs, ...offered }: Offered & { readonly pairs: number },
): Promise<LatencyComparison> {
  for (const { load } of [a, b]) await load.offer(model, offered);
  const slice = async ({ load, process }: Side) => {
    const before = await process.cpuMicros();
    const tookMs = await load.offer(model, offered);
    return { tookMs, cpu: ((await process.cpuMicros()) - before) / tookMs.length };
  };
  const slices = await samplePairs(
    pairs,
    () => slice(a),
    () => slice(b),
  );
  const added = (figure: (sample: (typeof slices)[number]["a"]) => number): Added => {
    const of = slices.map((pair) => ({ a: figure(pair.a), b: figure(pair.b) }));
    return {
      a: estimateMedian(of.map((pair) => pair.a)),
      b: estimateMedian(of.map((pair) => pair.b)),
      added: estimateMedian(of.map((pair) => pair.a - pair.b)),
    };
  };
  return {
    p50: added(({ tookMs }) => quantileOf(tookMs, 0.5)),
    p99: added(({ tookMs }) => quantileOf(tookMs, 0.99)),
    cpu: added(({ cpu }) => cpu),
  };
}
