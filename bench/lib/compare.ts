import { chunksOf, type Load } from "./load.ts";
import { samplePairs } from "./pairs.ts";
import type { BenchProcess } from "./processes.ts";
import { type Estimate, estimateMedian } from "./statistics.ts";

/** One side of a comparison: a process and the load on it. */
export interface Side {
  readonly process: BenchProcess;
  readonly load: Load;
}

/** How much is measured. */
export interface Effort {
  /** Pairs of samples, in the order A B B A A B ... */
  readonly pairs: number;
  /** Chunks a sample. */
  readonly chunks: number;
  /** Chunks that are sent before anything counts, on each side. */
  readonly warmUpChunks: number;
  readonly concurrency: number;
}

/** What was measured: CPU of each side in microseconds a chunk, and the ratio of the pairs. */
export interface Comparison {
  readonly a: Estimate;
  readonly b: Estimate;
  readonly ratio: Estimate;
  /** How much more the first side takes than the second, in the same unit as both. */
  readonly difference: Estimate;
}

/** Compares the CPU of two processes under the same load, by interleaved pairs. */
export async function compare(a: Side, b: Side, model: string, effort: Effort): Promise<Comparison> {
  const calls = (chunks: number): number => Math.ceil(chunks / chunksOf(model));
  for (const side of [a, b]) await side.load.run(model, calls(effort.warmUpChunks), effort.concurrency);
  const sample = async (side: Side): Promise<number> => {
    const count = calls(effort.chunks);
    const before = await side.process.cpuMicros();
    await side.load.run(model, count, effort.concurrency);
    return ((await side.process.cpuMicros()) - before) / (count * chunksOf(model));
  };
  const samples = await samplePairs(
    effort.pairs,
    () => sample(a),
    () => sample(b),
  );
  return {
    a: estimateMedian(samples.map((pair) => pair.a)),
    b: estimateMedian(samples.map((pair) => pair.b)),
    ratio: estimateMedian(samples.map((pair) => pair.a / pair.b)),
    difference: estimateMedian(samples.map((pair) => pair.a - pair.b)),
  };
}

/** One line of a table: CPU a chunk of both sides and the ratio with its 95 % interval. */
export function row(name: string, { a, b, ratio }: Comparison, bound?: number): string {
  const cell = (value: number, width: number): string => value.toFixed(2).padStart(width);
  const interval = `[${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]`;
  const verdict = bound === undefined ? "" : `${ratio.high <= bound ? "within" : "OVER"} ${bound}`;
  return `${name.padEnd(30)}${cell(a.median, 10)}${cell(b.median, 12)}${cell(ratio.median, 9)}  ${interval.padEnd(16)}${verdict}`;
}

/** Head of the table that `row` fills; `wire` is the provider's. */
export function head(wire: string, a: string, b: string): string {
  return `${`${wire}: us a chunk`.padEnd(30)}${a.padStart(10)}${b.padStart(12)}${"ratio".padStart(9)}  ${"95 % interval".padEnd(16)}bound`;
}
