import type { CostSums } from "../store.ts";
import { createMinuteSums, type LabelledSums, type Labels, type MinuteSums } from "./labelled-sums.ts";

/** The sums of one tenant, by minute. */
export interface TenantSums {
  /** How many there are. */
  readonly size: number;
  add(minuteMs: number, labels: Labels, sums: CostSums): void;
  /** The sums of the minutes from `startMs` to before `endMs`. */
  within(startMs: number, endMs: number): Iterable<readonly [minuteMs: number, sums: LabelledSums]>;
  /**
   * Tries to make do with less: the oldest minute first no longer keeps end users apart, then models; where nothing can be merged, it is
   * forgotten. False if that is all there is.
   */
  shrink(): boolean;
}

/** Creates the sums of a tenant that has used nothing. */
export function createTenantSums(): TenantSums {
  const minutes = new Map<number, MinuteSums>();
  let size = 0;

  const mergeNext = (): boolean => {
    // An end may come late, so that the oldest minute is not always the first one in the map.
    let next: readonly [number, MinuteSums] | undefined;
    for (const entry of minutes) if (!entry[1].isLeast && isBefore(entry, next)) next = entry;
    if (next === undefined) return false;
    const [, minute] = next;
    size -= minute.size;
    minute.merge();
    size += minute.size;
    return true;
  };

  const forgetOldest = (): boolean => {
    if (minutes.size < 2) return false;
    const oldest = minutes.keys().reduce((first, minute) => Math.min(first, minute), Number.POSITIVE_INFINITY);
    size -= minutes.get(oldest)?.size ?? 0;
    return minutes.delete(oldest);
  };

  return {
    get size() {
      return size;
    },
    add: (minuteMs, labels, sums) => {
      const minute = minutes.get(minuteMs) ?? createMinuteSums();
      minutes.set(minuteMs, minute);
      size -= minute.size;
      minute.add(labels, sums);
      size += minute.size;
    },
    within: function* (startMs, endMs) {
      for (const [minuteMs, minute] of minutes) {
        if (minuteMs < startMs || minuteMs >= endMs) continue;
        for (const sums of minute.all()) yield [minuteMs, sums];
      }
    },
    shrink: () => mergeNext() || forgetOldest(),
  };
}

/** Whether a minute is merged before another: the one that keeps more apart, then the older. */
function isBefore(
  [minuteMs, { level }]: readonly [number, MinuteSums],
  other: readonly [number, MinuteSums] | undefined,
): boolean {
  if (other === undefined) return true;
  const [otherMs, { level: otherLevel }] = other;
  return level === otherLevel ? minuteMs < otherMs : level < otherLevel;
}
