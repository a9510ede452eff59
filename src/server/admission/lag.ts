/** How many samples are looked at. */
const SAMPLES = 5;

/**
 * Smooths how late the event loop is: the median of the last five samples, so that a pause (garbage collection, one large request, a process that
 * was stopped) is not taken for load, and load is seen after three samples.
 */
export function createLagMeter(): (lateMs: number) => number {
  const late: number[] = [];
  return (lateMs) => {
    late.push(Math.max(0, lateMs));
    if (late.length > SAMPLES) late.shift();
    // Before there are as many samples, those that are missing count as on time.
    return late.toSorted((one, other) => other - one)[Math.floor(SAMPLES / 2)] ?? 0;
  };
}
