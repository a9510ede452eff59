/** One provider's wire as the bench speaks it: what a gateway or a client asks, and what the provider that costs little answers. */
export interface BenchWire {
  /** Name of the wire, of the kind of provider and of the instance. */
  readonly name: string;
  /** What an instance's base URL has behind the provider's origin. */
  readonly basePath: string;
  /** What a client that speaks the wire itself asks for, through the byte pipe. */
  readonly pathOf: (model: string) => string;
  readonly bodyOf: (model: string) => string;
  /** The last thing a whole answer holds. */
  readonly lastWords: string;
  /** A streamed answer in `chunks` pieces of content. */
  readonly answer: (chunks: number) => BenchAnswer;
}

/** A streamed answer, ready to be sent. */
export interface BenchAnswer {
  readonly opening: string;
  /** One event each. */
  readonly pieces: readonly string[];
  readonly ending: string;
}

/** What is asked on every wire. */
export const prompt = "Why is the sky blue? Answer in one short paragraph, please, for a curious ten-year-old.";

const words = ["The", " sky", " looks", " blue", " because", " air", " scatters", " short", " waves", " more", "."];

/** The text of a piece, by its place. */
export function wordAt(index: number): string {
  return words[index % words.length] ?? "";
}
