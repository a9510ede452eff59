import { CostDimension } from "../../../gen/execution/v1/costs_pb.js";
import { DAY, GRAINS_MS, HOUR, MINUTE } from "./levels.ts";

/** Part of a window, and the grain it is read from: periods `from` to before `to`. */
export interface Segment {
  readonly grain: number;
  readonly from: number;
  readonly to: number;
}

/** From when on minutes and hours are kept, milliseconds since the epoch; whole hours and days. */
export interface Kept {
  readonly minutesFromMs: number;
  readonly hoursFromMs: number;
}

/** A window of whole minutes, milliseconds since the epoch; the end is exclusive. */
interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

/** The coarsest grain by whose periods groups can be told apart. */
export function grainOf(groupBy: readonly CostDimension[]): number {
  if (groupBy.includes(CostDimension.MINUTE)) return MINUTE;
  return groupBy.includes(CostDimension.HOUR) ? HOUR : DAY;
}

/** The window out to whole periods of what is kept at its ends. */
export function keptWindow({ startMs, endMs }: Window, kept: Kept): Window {
  const startGrainMs = lengthMs(finestKept(startMs, kept));
  const endGrainMs = lengthMs(finestKept(endMs - 1, kept));
  return { startMs: floorTo(startMs, startGrainMs), endMs: -floorTo(-endMs, endGrainMs) };
}

/**
 * The window in as few periods as there can be: days in its middle, hours and minutes at its ends, none coarser than `grain` unless nothing finer is
 * kept. The window is one of `keptWindow`.
 */
export function segmentsOf(window: Window, grain: number, kept: Kept): readonly Segment[] {
  const segments: Segment[] = [];
  let atMs = window.startMs;
  while (atMs < window.endMs) {
    const next = segmentAt(atMs, window.endMs, grain, kept);
    segments.push(next);
    atMs = next.to * lengthMs(next.grain);
  }
  return segments;
}

function segmentAt(atMs: number, endMs: number, grain: number, kept: Kept): Segment {
  const finest = finestKept(atMs, kept);
  const coarsest = Math.max(grain, finest);
  const changes = [kept.hoursFromMs, kept.minutesFromMs].filter((ms) => ms > atMs);
  const untilMs = Math.min(endMs, ...changes);
  let used = coarsest;
  while (used > finest && (floorTo(atMs, lengthMs(used)) !== atMs || atMs + lengthMs(used) > untilMs)) used -= 1;
  const length = lengthMs(used);
  // As far as the next whole period of a coarser grain that may be used.
  const alignedMs = used < coarsest ? -floorTo(-(atMs + 1), lengthMs(used + 1)) : untilMs;
  const toMs = Math.min(untilMs, alignedMs);
  return { grain: used, from: atMs / length, to: Math.max(atMs / length + 1, Math.floor(toMs / length)) };
}

function finestKept(ms: number, { minutesFromMs, hoursFromMs }: Kept): number {
  if (ms >= minutesFromMs) return MINUTE;
  return ms >= hoursFromMs ? HOUR : DAY;
}

function lengthMs(grain: number): number {
  return GRAINS_MS[grain as 0 | 1 | 2];
}

function floorTo(ms: number, lengthMs: number): number {
  return Math.floor(ms / lengthMs) * lengthMs;
}
