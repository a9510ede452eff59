/** Two levels of one measure: what is above the high one is too much, and stays so until it is below the low one. */
export interface Marks {
  readonly high: number;
  readonly low: number;
}

/** True from the high mark on, false up to the low one, and in between as it was, so that a level that wavers changes nothing. */
export function isTooMuch(was: boolean, level: number, { high, low }: Marks): boolean {
  return level >= high || (was && level > low);
}
