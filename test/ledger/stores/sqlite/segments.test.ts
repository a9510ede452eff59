import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { GRAINS_MS } from "../../../../src/ledger/stores/sqlite/levels.ts";
import { keptWindow, segmentsOf } from "../../../../src/ledger/stores/sqlite/segments.ts";

const [minuteMs, hourMs, dayMs] = GRAINS_MS;
const ALL = { minutesFromMs: 0, hoursFromMs: 0 };
const at = (hour: number, minute = 0): number => 20_000 * dayMs + hour * hourMs + minute * minuteMs;
const words = (startMs: number, endMs: number, grain: number, kept = ALL): readonly string[] =>
  segmentsOf(keptWindow({ startMs, endMs }, kept), grain, kept).map(
    ({ grain: of, from, to }) => `${to - from} ${["minutes", "hours", "days"][of]}`,
  );

describe("the periods a window is read from", () => {
  test("are days in its middle, and hours and minutes at its ends", () => {
    expect(words(at(22, 58), at(97, 3), 2)).toEqual(["2 minutes", "1 hours", "3 days", "1 hours", "3 minutes"]);
    expect(words(at(0), at(48), 2)).toEqual(["2 days"]);
    expect(words(at(1, 10), at(1, 20), 2)).toEqual(["10 minutes"]);
  });

  test("are no coarser than what groups are told apart by", () => {
    expect(words(at(0), at(48), 1)).toEqual(["48 hours"]);
    expect(words(at(0), at(2), 0)).toEqual(["120 minutes"]);
  });

  test("are coarser where nothing finer is kept, out to whole ones", () => {
    const kept = { minutesFromMs: at(30), hoursFromMs: at(24) };
    expect(words(at(3, 5), at(30, 2), 0, kept)).toEqual(["1 days", "6 hours", "2 minutes"]);
  });

  // Mutants seen red: an hour at the end is read whole; a period is read twice where the grain changes.
  test("cover the window, each minute once, whatever it is", () => {
    const minute = fc.integer({ min: 0, max: 6 * 24 * 60 });
    fc.assert(
      fc.property(
        minute,
        minute,
        fc.constantFrom(0, 1, 2),
        fc.nat(6),
        fc.nat(3),
        (one, other, grain, hours, hourDays) => {
          const hoursFromMs = at(Math.min(hourDays, hours) * 24);
          const kept = { hoursFromMs, minutesFromMs: Math.max(hoursFromMs, at(hours * 24 - 5)) };
          const window = keptWindow(
            { startMs: at(0, Math.min(one, other)), endMs: at(0, Math.max(one, other) + 1) },
            kept,
          );
          let reached = window.startMs;
          for (const { grain: of, from, to } of segmentsOf(window, grain, kept)) {
            const length = GRAINS_MS[of as 0 | 1 | 2];
            expect(from * length).toBe(reached);
            expect(to).toBeGreaterThan(from);
            expect(of === 0 ? reached >= kept.minutesFromMs : true).toBe(true);
            expect(of === 1 ? reached >= kept.hoursFromMs : true).toBe(true);
            reached = to * length;
          }
          expect(reached).toBe(window.endMs);
        },
      ),
    );
  });
});
