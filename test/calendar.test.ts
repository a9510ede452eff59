import { expect, test } from "@jest/globals";
import { isInCalendar } from "../src/calendar.ts";

// Mutants seen red: what `Date` makes of a day taken as it is; the 24th hour of a day taken for one.
test.each([
  ["2026-02-28", true],
  ["2028-02-29", true],
  ["2026-02-29", false],
  ["2026-02-30T10:00:00Z", false],
  ["2026-11-31", false],
  ["2026-13-01", false],
  ["2026-00-10", false],
  ["0001-01-01T00:00:00Z", true],
  ["9999-12-31T23:59:59.999999999Z", true],
  ["2026-11-26T24:00:00Z", false],
  ["2026-11-26t23:59:59+01:00", true],
  ["yesterday", true],
  ["", true],
])("%j is in a calendar, or no day at all: %p", (text, expected) => {
  expect(isInCalendar(text)).toBe(expected);
});
