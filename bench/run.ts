import { compare, type Effort, head, row, type Side } from "./lib/compare.ts";
import { createGrpcLoad, createHttpLoad, providerBody, sseBody } from "./lib/load.ts";
import { canPin, pinSelf } from "./lib/processes.ts";
import { cores, startBytePipe, startGateway, startProvider } from "./lib/subjects.ts";

// Compares the gateway's CPU with that of a proxy that only moves bytes, on the same answers in the same run. Run it on emitted JS:
// `npm run bench`. A bound applies to the upper end of the interval.

const effort: Effort = { pairs: 9, chunks: 20_000, warmUpChunks: 60_000, concurrency: 50 };

const rows = [
  { name: "gRPC, paced", model: "paced-100", wire: "grpc", bound: 1.3 },
  { name: "gRPC, bursting", model: "burst-100", wire: "grpc", bound: 6 },
  { name: "SSE, paced", model: "paced-100", wire: "sse", bound: undefined },
  { name: "SSE, bursting", model: "burst-100", wire: "sse", bound: undefined },
  { name: "gRPC, one chunk a call", model: "burst-1", wire: "grpc", bound: undefined },
] as const;

pinSelf(cores.load);
const provider = await startProvider();
const gateway = await startGateway(provider.port);
const pipe = await startBytePipe(provider.port);
const idleBytes = await gateway.rssBytes();
const floor: Side = {
  process: pipe,
  load: createHttpLoad(pipe.port, "/v1/chat/completions", "[DONE]", providerBody),
};
const sides: Readonly<Record<"grpc" | "sse", Side>> = {
  grpc: { process: gateway, load: createGrpcLoad(gateway.port) },
  sse: { process: gateway, load: createHttpLoad(gateway.httpPort, "/v1/chat", "event: done", sseBody) },
};
let over = 0;
try {
  console.log(
    `${effort.pairs} interleaved pairs, ${effort.chunks} chunks a sample, ${effort.concurrency} calls at once, ${canPin ? "pinned to cores" : "not pinned"}`,
  );
  console.log(head("gateway", "byte pipe"));
  for (const { name, model, wire, bound } of rows) {
    const comparison = await compare(sides[wire], floor, model, effort);
    if (bound !== undefined && comparison.ratio.high > bound) over += 1;
    console.log(row(name, comparison, bound));
  }
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  console.log(
    `resident memory: ${megabytes(idleBytes)} MB idle, ${megabytes(await gateway.rssBytes())} MB after the load`,
  );
} finally {
  for (const side of [floor, ...Object.values(sides)]) side.load.close();
  await Promise.all([provider, gateway, pipe].map((process) => process.stop()));
}
process.exitCode = over === 0 ? 0 : 1;
