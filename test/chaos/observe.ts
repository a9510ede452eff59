import { type EventEmitter, getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { adapterKinds } from "../../src/adapters/index.ts";
import { tuneCollector } from "../../src/cli/collector.ts";
import { createDisk } from "../../src/cli/disk.ts";
import { loadFromDisk } from "../../src/cli/load.ts";
import { startGateway } from "../../src/gateway.ts";
import type { Held } from "../../src/server/dispatcher.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { watchThreadGarbage } from "./thread-garbage.ts";

// The process of an observed gateway: serves as `serve` does, and answers what its parent asks it.

/** What a gateway's process is and holds. */
export interface Observation {
  /** Resident, as the kernel counts it, in bytes. */
  readonly rssBytes: number;
  /** On the heap and in buffers, in bytes. */
  readonly heldBytes: number;
  /** Pages that V8 has for the heap, in bytes: what is held, what is free between it, and room for what is new. */
  readonly heapBytes: number;
  /** CPU time since its start, in milliseconds. */
  readonly cpuMs: number;
  /** What keeps the event loop busy, by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** Listeners of what lives as long as the process: the process itself, and the signal of its drain. */
  readonly listeners: number;
  readonly held: Held;
  /** Models that something is known of, and how many of their breakers are not closed. */
  readonly targets: number;
  readonly open: number;
}

const threads = watchThreadGarbage();
const disk = createDisk();
const { config } = await loadFromDisk(undefined, { environment: process.env, workingDirectory: process.cwd() }, disk);
const log = createLog(config.logLevel);
const gateway = await startGateway({ config, kinds: adapterKinds, log, platformVersion: "0.0.0" });
tuneCollector();
process.on("uncaughtException", (thrown) => log.error("an error that nobody caught", thrown));

process.on("message", async (asked) => {
  if (asked === "collect") await collect();
  process.send?.(observation());
});
// Whoever asked is gone.
process.on("disconnect", () => process.exit());
process.send?.({ grpcPort: portOf(gateway.grpcUrl), httpPort: portOf(gateway.httpUrl) });

/** Buffers are given back some time after their owners are collected. */
async function collect(): Promise<void> {
  // The ledger's writer allots so little that it collects its own once in half an hour, some 10 MiB then, which looks like growth until it does.
  await threads.collect();
  for (let pass = 0; pass < 2; pass += 1) {
    globalThis.gc?.();
    await sleep(100);
  }
}

function observation(): Observation {
  const { dispatcher } = gateway;
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const targets = dispatcher.targetStates();
  return {
    rssBytes: rss,
    heldBytes: heapUsed + external,
    heapBytes: heapTotal,
    cpuMs: (user + system) / 1000,
    handles: countByKind(process.getActiveResourcesInfo()),
    listeners: listenersOf(process) + getEventListeners(dispatcher.drainStarted, "abort").length,
    held: dispatcher.held(),
    targets: targets.length,
    open: targets.filter(({ state }) => state !== "closed").length,
  };
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

function countByKind(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
