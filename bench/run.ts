import { compare, type Effort, head, row, type Side } from "./lib/compare.ts";
import { createGrpcLoad, createHttpLoad, createSseLoad } from "./lib/load.ts";
import { canPin, pinSelf } from "./lib/processes.ts";
import { cores, root, startBytePipe, startGateway, startProvider } from "./lib/subjects.ts";
import { wiresIn } from "./lib/wires/index.ts";
import type { BenchWire } from "./lib/wires/wire.ts";

// Compares the gateway's CPU with that of a proxy that only moves bytes, on the same answers in the same run, for each provider's wire or for
// those that are named: `npm run bench`, `npm run bench -- gemini`. It runs emitted JS. A bound applies to the upper end of the interval.
//
// What the proxy costs in a burst goes by the bytes of a chunk: 302 on OpenAI's wire, on which the bound was set, 307 on Gemini's, 120 on Anthropic's. All
// wires are held to the same floor, the proxy's cost on the first.

const paced: Effort = { pairs: 17, chunks: 20_000, warmUpChunks: 60_000, concurrency: 50 };
/** A chunk of a burst costs the byte pipe half a microsecond: 20,000 of them are too few for the accounting of a process. */
const bursting: Effort = { ...paced, chunks: 100_000 };
/** For rows that are only shown. */
const fewer = 7;

const BURSTING = { name: "gRPC, bursting", model: "burst-100", edge: "grpc", effort: bursting, bound: 6 } as const;

const rows = [
  { name: "gRPC, paced", model: "paced-100", edge: "grpc", effort: paced, bound: 1.3 },
  BURSTING,
  { name: "SSE, paced", model: "paced-100", edge: "sse", effort: { ...paced, pairs: fewer }, bound: undefined },
  { name: "SSE, bursting", model: "burst-100", edge: "sse", effort: { ...bursting, pairs: fewer }, bound: undefined },
  {
    name: "gRPC, one chunk a call",
    model: "burst-1",
    edge: "grpc",
    effort: { ...paced, pairs: fewer },
    bound: undefined,
  },
] as const;

/** The wires that the arguments name, or all. */
function chosenWires(names: readonly string[]): readonly BenchWire[] {
  const wires = wiresIn(root);
  const known = wires.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`there is no wire ${unknown.join(", ")}; known are ${known.join(", ")}`);
  return names.length === 0 ? wires : wires.filter(({ name }) => names.includes(name));
}

const wires = chosenWires(process.argv.slice(2));
pinSelf(cores.load);
const provider = await startProvider();
const gateway = await startGateway(provider.port);
const pipe = await startBytePipe(provider.port);
const idleBytes = await gateway.rssBytes();

/** The wire whose floor holds for bursts on all. */
const FIRST = "openai";

/** Prints what a burst costs the gateway on a wire and the byte pipe on the first; true if that is over its bound. */
async function exceedsFirst(wire: BenchWire): Promise<boolean> {
  const first = wiresIn(root).find(({ name }) => name === FIRST);
  if (first === undefined || wire === first) return false;
  const floor: Side = { process: pipe, load: createHttpLoad(pipe.port, first) };
  const own: Side = { process: gateway, load: createGrpcLoad(gateway.port, wire) };
  try {
    const comparison = await compare(own, floor, BURSTING.model, BURSTING.effort);
    console.log(row(`${BURSTING.name}, ${FIRST}'s pipe`, comparison, BURSTING.bound));
    return comparison.ratio.high > BURSTING.bound;
  } finally {
    for (const { load } of [own, floor]) load.close();
  }
}

/** Prints the table of a wire; the number of rows that are over their bound. */
async function measure(wire: BenchWire): Promise<number> {
  const floor: Side = { process: pipe, load: createHttpLoad(pipe.port, wire) };
  const sides: Readonly<Record<"grpc" | "sse", Side>> = {
    grpc: { process: gateway, load: createGrpcLoad(gateway.port, wire) },
    sse: { process: gateway, load: createSseLoad(gateway.httpPort, wire) },
  };
  let over = 0;
  try {
    console.log(head(wire.name, "gateway", "byte pipe"));
    for (const measured of rows) {
      const { name, model, edge, effort } = measured;
      const bound = measured === BURSTING && wire.name !== FIRST ? undefined : measured.bound;
      const comparison = await compare(sides[edge], floor, model, effort);
      if (bound !== undefined && comparison.ratio.high > bound) over += 1;
      console.log(row(name, comparison, bound));
    }
    if (await exceedsFirst(wire)) over += 1;
    return over;
  } finally {
    for (const side of [floor, ...Object.values(sides)]) side.load.close();
  }
}

let over = 0;
try {
  console.log(
    `${paced.pairs} interleaved pairs where there is a bound and ${fewer} elsewhere, ${paced.chunks} chunks a sample, ${bursting.chunks} of those that burst, ${paced.concurrency} calls at once, ${canPin ? "pinned to cores" : "not pinned"}`,
  );
  for (const wire of wires) over += await measure(wire);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  console.log(
    `resident memory: ${megabytes(idleBytes)} MB idle, ${megabytes(await gateway.rssBytes())} MB after the load`,
  );
} finally {
  await Promise.all([provider, gateway, pipe].map((process) => process.stop()));
}
process.exitCode = over === 0 ? 0 : 1;
