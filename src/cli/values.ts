import { InvalidArgumentError } from "commander";
import { isInCalendar } from "../calendar.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `500ms`, `30s`, `5m`, or a number of seconds, as milliseconds. */
export function parseDuration(written: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})(ms|s|m|h)?$/.exec(written) ?? [];
  const timeoutMs = Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  if (!(timeoutMs > 0)) throw new InvalidArgumentError("It must be a time above zero, such as 500ms, 30s or 5m.");
  return timeoutMs;
}

/**
 * Reads a moment as milliseconds since the epoch: how long ago (`30m`, `24h`, `7d`), a UTC day, or a time as RFC 3339 writes it. A day that is
 * in no calendar is refused.
 */
export function parseMoment(written: string): number {
  const [, digits, unit = ""] = /^(\d{1,6})(m|h|d)$/.exec(written) ?? [];
  if (digits !== undefined) return Date.now() - Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(written);
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i.test(written);
  const ms = (isDay || isTime) && isInCalendar(written) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError(
      "It must be how long ago (24h, 7d), a day (2026-11-26) or a time (2026-11-26T13:00:00Z).",
    );
  }
  return ms;
}

/** Reads `1%` or `0.5%` as a part: 0.01, 0.005. */
export function parsePercent(written: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,6})?)%?$/.exec(written) ?? [];
  const percent = Number(digits);
  if (!(percent <= 100)) throw new InvalidArgumentError("It must be a percentage from 0% to 100%, such as 1% or 0.5%.");
  return percent / 100;
}

/** Reads a number of rows. */
export function parseCount(written: string): number {
  if (!/^[1-9]\d{0,4}$/.test(written)) throw new InvalidArgumentError("It must be a whole number from 1 to 10000.");
  return Number(written);
}
