import type { LimitWindow } from "../../limit.ts";

/** One window of a limit. */
export interface Window {
  /** Its beginning, milliseconds since the epoch; 0 for one that has none. */
  readonly startMs: number;
  /** Its end, undefined for one that has none. */
  readonly endMs: number | undefined;
}

const LENGTH_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * The window of a time. All are fixed and begin where the calendar (UTC) has them begin, minutes and hours too: so one number counts a window
 * exactly, everybody's window ends at the same moment, which is what RetryInfo says, and a window is a bucket of `Costs`. The price is that two
 * amounts may be used on both sides of a boundary.
 */
export function windowAt(window: LimitWindow, timeMs: number): Window {
  if (window === "total" || window === "now") return { startMs: 0, endMs: undefined };
  if (window === "month") {
    const day = new Date(timeMs);
    const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()];
    return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
  }
  const startMs = Math.floor(timeMs / LENGTH_MS[window]) * LENGTH_MS[window];
  return { startMs, endMs: startMs + LENGTH_MS[window] };
}
