import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../errors.ts";
import type { CostsRequest } from "../gen/execution/v1/costs_pb.js";

/** A window of whole minutes, milliseconds since the epoch; the end is exclusive. */
export interface CostWindow {
  readonly startMs: number;
  readonly endMs: number;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** First and last second that a google.protobuf.Timestamp can name, from the year 1 to the end of 9999 (timestamp.proto). */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/**
 * The window of a request: from the start of the current UTC day until now, unless it says otherwise, and out to whole minutes. Throws
 * INVALID_FIELD if a time is none or the window is empty.
 */
export function windowOf(
  { startTime, endTime }: Pick<CostsRequest, "startTime" | "endTime">,
  nowMs: number,
): CostWindow {
  const startMs = startTime === undefined ? Math.floor(nowMs / dayMs) * dayMs : msOf(startTime, "start_time");
  // What has ended now is in the window.
  const endMs = endTime === undefined ? nowMs + 1 : msOf(endTime, "end_time");
  if (startMs >= endMs && startTime === undefined) {
    refuse("end_time", "is not after the start of today, which is the start by default");
  }
  if (startMs >= endMs) {
    refuse(
      "start_time",
      endTime === undefined ? "is not before now, which is the end by default" : "is not before end_time",
    );
  }
  return { startMs: Math.floor(startMs / minuteMs) * minuteMs, endMs: Math.ceil(endMs / minuteMs) * minuteMs };
}

function msOf({ seconds, nanos }: Timestamp, field: string): number {
  const isSecond = seconds >= firstSecond && seconds <= lastSecond;
  const isTime = isSecond && Number.isInteger(nanos) && nanos >= 0 && nanos < 1_000_000_000;
  return isTime
    ? Number(seconds) * 1000 + nanos / 1_000_000
    : refuse(field, "is not a time between the years 1 and 9999");
}

function refuse(field: string, description: string): never {
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}
