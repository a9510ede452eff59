import type { Finding } from "../scenario.ts";
import type { Attack, AttackOutcome } from "./attack.ts";
import { type Latencies, quantile, type Wire } from "./callers.ts";

// How abuse is judged: fixed before it was measured, and written down in docs/testing.md. One run an attack, no repeats.

/** By how much the p99 of callers who behave may be above their baseline, in milliseconds. */
const ADDED_MS = 50;

/** The longest turn of the event loop there may be, in milliseconds of CPU. */
const TURN_MS = 20;

/** By how much resident memory may be above what it was before an attack, both once settled. */
const GROWTH_MIB = 32;

/** By how much longer a turn may be in a short run, and memory grow, which may share its processors with others: what is not guarded takes more still. */
const SHORT_RUN_FACTOR = 5;

/** How many attacks may go without a judgement of their callers, because the machine was busy, before the run shows nothing. */
const MOST_NOT_JUDGED = 4;

/** What was measured of one attack. */
export interface Measured {
  readonly attack: Pick<Attack, "name" | "wires" | "turn">;
  readonly latencies: Latencies;
  readonly longestTurnMs: number;
  readonly cpuMs: number;
  readonly growthMib: number;
  readonly peakMib: number;
  readonly reports: readonly AttackReport[];
}

/** What the attacker says of an attack on one port. */
export interface AttackReport extends AttackOutcome {
  readonly wire: Wire;
  /** What went wrong with the attack itself. */
  readonly problem?: string;
}

/** p99 of each port that is called. */
const p99 = (latencies: Latencies, of: keyof Latencies): number => quantile(latencies[of], 0.99);

/**
 * Judges what the attack did to callers who behave: on each attacked port their p99 is at most that of the baseline and 50 ms. If the server that
 * does nothing was itself slower than that, or the gateway stood in line for a processor for half of that, nothing is judged, since it is the
 * machine that was slow.
 */
export function judgeCallers(before: Latencies, { attack: { name, wires }, latencies }: Measured): Finding {
  const added = (of: keyof Latencies): number => p99(latencies, of) - p99(before, of);
  const text = `${name}: ${describe(latencies)}`;
  if (added("control") > ADDED_MS || p99(latencies, "line") > ADDED_MS / 2) {
    return { text: `${text}: NOT JUDGED (machine busy)` };
  }
  return { text, failed: wires.some((wire) => added(wire) > ADDED_MS) };
}

/** Says of a short run what an attack did to callers, of whom there are too few to be judged: the p99 of 90 is the slowest. */
export function tellCallers({ attack: { name }, latencies }: Measured): Finding {
  return { text: `${name}: ${describe(latencies)}` };
}

/** Judges what does not depend on how busy the machine is: the longest turn, memory, and whether all that was opened was ended. */
export function judgeGateway({ attack, reports, ...measured }: Measured, isLong: boolean): Finding {
  const { name, wires, turn } = attack;
  const factor = isLong ? 1 : SHORT_RUN_FACTOR;
  const turnMs = (turn?.ms ?? TURN_MS) * factor;
  const { longestTurnMs, cpuMs, growthMib, peakMib } = measured;
  const counts = wires.map((wire) => {
    const report = reports.find((each) => each.wire === wire);
    return `${wire} ${report?.problem ?? `${report?.ended ?? 0} of ${report?.opened ?? 0} ended`}`;
  });
  // An attack that was not made shows nothing.
  const made = reports.filter(({ opened, ended, problem }) => problem === undefined && opened > 0 && ended >= opened);
  const allowed = turn === undefined ? "" : ` (${turn.ms} allowed: ${turn.because})`;
  const sizes = `resident ${signed(growthMib)} MiB after it, ${signed(peakMib)} at most`;
  return {
    text: `${name}: longest turn ${longestTurnMs.toFixed(1)} of ${cpuMs.toFixed(0)} ms CPU${allowed}; ${sizes}; ${counts.join(", ")}`,
    failed: longestTurnMs > turnMs || growthMib > GROWTH_MIB * factor || made.length < wires.length,
  };
}

/** Fails a run in which too little could be judged. */
export function judgeRun(callers: readonly Finding[]): Finding {
  const open = callers.filter(({ failed }) => failed === undefined).length;
  const text = `callers of ${open} of ${callers.length} attacks not judged, at most ${MOST_NOT_JUDGED}`;
  return { text, failed: open > MOST_NOT_JUDGED };
}

/** The figures of a while, as they stand in the report. */
export function describe(latencies: Latencies): string {
  const figures = (["grpc", "http", "control"] as const).map((of) => {
    const parts = [0.5, 0.99, 1].map((part) => quantile(latencies[of], part).toFixed(0));
    return `${of} ${parts.join("/")}`;
  });
  return `${figures.join(", ")} ms, in line ${p99(latencies, "line").toFixed(0)} (n=${latencies.grpc.length})`;
}

function signed(mib: number): string {
  return `${mib >= 0 ? "+" : ""}${mib.toFixed(0)}`;
}
