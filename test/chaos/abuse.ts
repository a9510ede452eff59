import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack } from "./abuse/attack.ts";
import type { Order } from "./abuse/attacker.ts";
import { attacks } from "./abuse/attacks.ts";
import { type Callers, type Latencies, startCallers } from "./abuse/callers.ts";
import { weighLargeCalls } from "./abuse/large-calls.ts";
import {
  type AttackReport,
  describe,
  judgeCallers,
  judgeGateway,
  judgeRun,
  type Measured,
  tellCallers,
} from "./abuse/protocol.ts";
import { type ChaosGateway, startConfigured } from "./gateway.ts";
import type { Finding, Scenario } from "./scenario.ts";

/** Calls a second on each port. */
const PER_SECOND = 60;

/** From so long attacks on, in milliseconds, callers are judged, and a run fails in which too few could be. */
const LONG_MS = 10_000;
const isLong = (size: number): boolean => size >= LONG_MS;

/** The least time the baseline is taken over, in milliseconds. */
const LEAST_BASELINE_MS = 5000;

const MIB = 1024 * 1024;

/** Times short enough to see their end. */
const configuration = `
limits: { header_timeout: 1s, body_timeout: 2s, stall_timeout: 2s }
`;

/**
 * One attack after the other on both ports at once, each once, while callers who behave go on; judged by the protocol in docs/testing.md. Each
 * attack comes from an address of its own and names the mutant it was seen red under. `size` is how long each goes on, in milliseconds. Nothing
 * in it is random.
 */
export const abuse: Scenario = {
  name: "abuse",
  run: async ({ size, only }) => {
    const gateway = await startConfigured(configuration);
    const control = start("control");
    const attacker = start("attacker");
    // What is measured is the gateway, not who gets the machine's processors.
    setPriority(attacker.pid ?? 0, Math.min(19, getPriority() + 10));
    const [controlPort] = (await once(control, "message")) as [number];
    const callers = startCallers({ ...gateway, controlPort }, PER_SECOND);
    const stage = { gateway, callers, attacker, gone: once(attacker, "exit"), durationMs: size };
    try {
      const before = await settle(stage);
      const findings: Finding[] = [{ text: `before, p50/p99/max: ${describe(before)}` }];
      const judged: Finding[] = [];
      const first = await residentMib(gateway);
      let restMib = first;
      if (only === undefined) {
        const { latencies, peakMib } = await watchNobody(restMib, stage);
        findings.push({
          text: `nobody attacks: ${describe(latencies)}; resident ${peakMib.toFixed(0)} MiB more at most`,
        });
        restMib = await residentMib(gateway);
      }
      for (const attack of attacks.filter(({ name }) => only === undefined || new RegExp(only).test(name))) {
        const measured = await measure(attack, restMib, stage);
        restMib += measured.growthMib;
        judged.push(isLong(size) ? judgeCallers(before, measured) : tellCallers(measured));
        findings.push(...judged.slice(-1), judgeGateway(measured, isLong(size)));
      }
      if (only === undefined || new RegExp(only).test("good calls")) findings.push(...(await weighLargeCalls(gateway)));
      if (isLong(size)) findings.push(judgeRun(judged));
      findings.push({ text: `resident memory went from ${first.toFixed(0)} to ${restMib.toFixed(0)} MiB in all` });
      findings.push({ text: `the gateway is ${gateway.alive() ? "alive" : "gone"}`, failed: !gateway.alive() });
      return findings;
    } finally {
      attacker.kill();
      await callers.stop();
      control.kill();
      await gateway.stop();
    }
  },
};

interface Stage {
  readonly gateway: ChaosGateway;
  readonly callers: Callers;
  readonly attacker: ChildProcess;
  /** Resolves when the attacker's process has ended, which it should not. */
  readonly gone: Promise<unknown>;
  readonly durationMs: number;
}

function start(name: "attacker" | "control"): ChildProcess {
  const program = join(import.meta.dirname, "abuse", `${name}.ts`);
  return spawn(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** The baseline. What counts is a gateway at work, not the first use of its code. */
async function settle({ callers, durationMs }: Stage): Promise<Latencies> {
  await callers.rush(64, 4000);
  await sleep(1000);
  await callers.take();
  await sleep(Math.max(durationMs, LEAST_BASELINE_MS));
  return callers.take();
}

/** What callers alone do to memory in the time of an attack: what is promoted of calls that have ended is there until the next full collection. */
async function watchNobody(
  restMib: number,
  { callers, gateway, durationMs }: Stage,
): Promise<{ readonly latencies: Latencies; readonly peakMib: number }> {
  await callers.take();
  const peak = watchPeak(gateway);
  await sleep(durationMs);
  return { peakMib: peak() - restMib, latencies: await callers.take() };
}

/** Watches resident memory; the function it gives ends that and says the most there was. */
function watchPeak({ processId }: ChaosGateway): () => number {
  let peakMib = 0;
  const look = setInterval(() => {
    peakMib = Math.max(peakMib, residentNowMib(processId));
  }, 20);
  return () => {
    clearInterval(look);
    return peakMib;
  };
}

/** Makes an attack, and measures from its beginning until all that it opened was ended or given up. */
async function measure(attack: Attack, restMib: number, stage: Stage): Promise<Measured> {
  const { callers, gateway } = stage;
  await callers.take();
  await gateway.turns();
  const peak = watchPeak(gateway);
  const reports = await strike(attack, stage);
  const peakMib = peak();
  const latencies = await callers.take();
  const { longestMs, cpuMs } = await gateway.turns();
  return {
    attack,
    latencies,
    longestTurnMs: longestMs,
    cpuMs,
    growthMib: (await residentMib(gateway)) - restMib,
    peakMib: peakMib - restMib,
    reports,
  };
}

let lastAddress = 0;

/** Makes one attack on both ports. */
async function strike(
  { name, wires }: Attack,
  { attacker, gone, durationMs, gateway: { grpcPort, httpPort } }: Stage,
): Promise<readonly AttackReport[]> {
  const reports: AttackReport[] = [];
  const reported = new Promise<void>((resolve) => {
    const onMessage = (report: AttackReport): void => {
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

/** Resident memory once it has settled: garbage collected, and buffers given back. */
async function residentMib(gateway: ChaosGateway): Promise<number> {
  return (await gateway.memory()).rssBytes / MIB;
}

/** Resident memory of a process, as Linux counts it; 0 where there is no /proc. */
function residentNowMib(processId: number): number {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
