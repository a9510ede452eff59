/** A sample of each of two sides, taken one after the other. */
export interface Pair<Sample> {
  readonly a: Sample;
  readonly b: Sample;
}

/** Takes pairs of samples in the order A B B A A B ..., so that a drift of the machine meets both sides. */
export async function samplePairs<Sample>(
  pairs: number,
  a: () => Promise<Sample>,
  b: () => Promise<Sample>,
): Promise<readonly Pair<Sample>[]> {
  const samples: Pair<Sample>[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    if (pair % 2 === 0) {
      const first = await a();
      samples.push({ a: first, b: await b() });
    } else {
      const first = await b();
      samples.push({ a: await a(), b: first });
    }
  }
  return samples;
}
