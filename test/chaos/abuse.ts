import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack } from "./abuse/attack.ts";
import type { Order, Report } from "./abuse/attacker.ts";
import { attacks } from "./abuse/attacks.ts";
import { type Callers, type Latencies, quantile, startCallers, type Wire } from "./abuse/callers.ts";
import { type ChaosGateway, startConfigured } from "./gateway.ts";
import type { Finding, Scenario } from "./scenario.ts";

/** Calls a second on each port. */
const perSecond = 60;
const addedBoundMs = 50;
const memoryBoundMib = 32;
/** Runs of one attack, of which the best counts for its latency: the machine is not only ours. */
const tries = 3;
/** How long an attack goes on where memory is measured, at most. */
const memoryMs = 1500;

/** Times short enough to see their end. */
const configuration = `
limits: { header_timeout: 1s, body_timeout: 2s, stall_timeout: 2s }
`;

/** Garbage is collected often, so that resident memory shows what is held. It costs time, so that time is measured without. */
const tidy = ["--heap-growing-percent=10"];

/**
 * One attack after the other on both ports at once, while callers who behave go on. Their p99 stays within 50 ms of what it was before the
 * attacks (or of what the machine alone costs meanwhile), resident memory of a second gateway under the same attack within 32 MiB, whatever the
 * attackers opened is closed, and both processes live. Each attack comes from an address of its own and names the mutant it was seen red under.
 * `size` is how long each goes on, in milliseconds. Nothing in it is random.
 */
export const abuse: Scenario = {
  name: "abuse",
  run: async ({ size, only }) => {
    const gateway = await startConfigured(configuration);
    const weighed = await startConfigured(configuration, tidy);
    const control = start("control");
    const attacker = start("attacker");
    // What is measured is the gateway, not who gets the machine's processors.
    setPriority(attacker.pid ?? 0, Math.min(19, getPriority() + 10));
    const [controlPort] = (await once(control, "message")) as [number];
    const callers = startCallers({ ...gateway, controlPort }, perSecond);
    const stage = { gateway, weighed, callers, attacker, gone: once(attacker, "exit"), durationMs: size };
    try {
      const before = { during: await settle(stage), restMib: await rest(weighed, controlPort) };
      const findings: Finding[] = [
        { text: `before, p50/p99/max: ${describe(before.during)}; ${before.restMib.toFixed(0)} MiB resident` },
      ];
      const chosen = attacks.filter(({ name }) => only === undefined || new RegExp(only).test(name));
      for (const attack of chosen) findings.push(await judge(attack, before, stage));
      const alive = gateway.alive() && weighed.alive();
      findings.push({ text: `the gateways are ${alive ? "alive" : "gone"}`, failed: !alive });
      return findings;
    } finally {
      attacker.kill();
      await callers.stop();
      control.kill();
      await gateway.stop();
      await weighed.stop();
    }
  },
};

interface Stage {
  /** Where time is measured. */
  readonly gateway: ChaosGateway;
  /** Where memory is measured. */
  readonly weighed: ChaosGateway;
  readonly callers: Callers;
  readonly attacker: ChildProcess;
  /** Resolves when the attacker's process has ended, which it should not. */
  readonly gone: Promise<unknown>;
  readonly durationMs: number;
}

interface Before {
  readonly during: Latencies;
  /** Most memory of the gateway at work. */
  readonly restMib: number;
}

function start(name: "attacker" | "control"): ChildProcess {
  const program = join(import.meta.dirname, "abuse", `${name}.ts`);
  return spawn(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** What counts is a gateway at work, not the first use of its code. */
async function settle({ callers, durationMs }: Stage): Promise<Latencies> {
  await callers.rush(64, 4000);
  await sleep(1000);
  await callers.take();
  await sleep(Math.max(durationMs, 4000));
  return callers.take();
}

/** Nor the memory that it takes to work at all. */
async function rest(gateway: ChaosGateway, controlPort: number): Promise<number> {
  const callers = startCallers({ ...gateway, controlPort }, perSecond);
  const { peakMib } = await weigh(gateway, () => callers.rush(64, 4000));
  await callers.stop();
  return peakMib;
}

async function judge(attack: Attack, before: Before, stage: Stage): Promise<Finding> {
  const { callers, durationMs, gateway, weighed } = stage;
  const late = (runs: readonly Latencies[]): boolean =>
    attack.wires.some((wire) => added(before.during, runs, wire) > addedBoundMs);
  const runs: Latencies[] = [];
  const reports: Report[] = [];
  await callers.take();
  do {
    reports.push(...(await strike(attack, gateway, durationMs, stage)));
    runs.push(await callers.take());
  } while (runs.length < tries && late(runs));
  // What the attack before left as garbage is not this one's.
  await weighed.memory();
  const { peakMib, value } = await weigh(weighed, () => strike(attack, weighed, Math.min(durationMs, memoryMs), stage));
  reports.push(...value);
  const growthMib = peakMib - before.restMib;
  // An attack that was not made shows nothing.
  const open = reports.some(({ opened, ended, problem }) => problem !== undefined || opened === 0 || ended < opened);
  const counts = attack.wires.map((wire) => {
    const own = reports.filter((report) => report.wire === wire);
    const sum = (count: "opened" | "ended"): number => own.reduce((total, report) => total + report[count], 0);
    return `${wire} ${own.find(({ problem }) => problem !== undefined)?.problem ?? `${sum("ended")} of ${sum("opened")} ended`}`;
  });
  const repeated = runs.length === 1 ? "" : ` (the last of ${runs.length} runs)`;
  const growth = `${growthMib >= 0 ? "+" : ""}${growthMib.toFixed(0)} MiB`;
  return {
    text: `${attack.name}: ${describe(runs.at(-1) ?? before.during)}${repeated}, ${growth}; ${counts.join(", ")}`,
    failed: late(runs) || growthMib > memoryBoundMib || open,
  };
}

/**
 * By how much p99 is above what it was before, in the best run; or above what a server that does nothing needed at the same time, if that is
 * more: whatever else the machine does is not the attack's.
 */
function added(before: Latencies, runs: readonly Latencies[], wire: Wire): number {
  const most = (latencies: Latencies, of: Wire | "control"): number => quantile(latencies[of], 0.99);
  return Math.min(...runs.map((during) => most(during, wire) - Math.max(most(before, wire), most(during, "control"))));
}

let lastAddress = 0;

/** Makes one attack on both ports of a gateway. */
async function strike(
  { name, wires }: Attack,
  { grpcPort, httpPort }: ChaosGateway,
  durationMs: number,
  { attacker, gone }: Stage,
): Promise<readonly Report[]> {
  const reports: Report[] = [];
  const reported = new Promise<void>((resolve) => {
    const onMessage = (report: Report): void => {
      reports.push(report);
      if (reports.length < wires.length) return;
      attacker.off("message", onMessage);
      resolve();
    };
    attacker.on("message", onMessage);
  });
  for (const wire of wires) {
    lastAddress += 1;
    const localAddress = `127.0.${1 + Math.floor(lastAddress / 250)}.${1 + (lastAddress % 250)}`;
    const port = wire === "grpc" ? grpcPort : httpPort;
    attacker.send({ attack: name, wire, port, localAddress, durationMs } satisfies Order);
  }
  await Promise.race([reported, gone]);
  return reports;
}

/** Measures the most memory a gateway has resident while something goes on. */
async function weigh<Value>(
  { processId }: ChaosGateway,
  goOn: () => Promise<Value>,
): Promise<{ readonly peakMib: number; readonly value: Value }> {
  let peakMib = 0;
  const look = setInterval(() => {
    peakMib = Math.max(peakMib, residentMib(processId));
  }, 20);
  try {
    const value = await goOn();
    return { peakMib: Math.max(peakMib, residentMib(processId)), value };
  } finally {
    clearInterval(look);
  }
}

/** Resident memory of a process, as Linux counts it; 0 where there is no /proc. */
function residentMib(processId: number): number {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function describe(latencies: Latencies): string {
  return (["grpc", "http", "control"] as const)
    .map((wire) => {
      const sorted = latencies[wire];
      const figures = [0.5, 0.99, 1].map((part) => quantile(sorted, part).toFixed(0)).join("/");
      return `${wire} ${figures}`;
    })
    .join(", ")
    .concat(` ms (n=${latencies.grpc.length})`);
}
