import type { RateName } from "../types.ts";

/** One price, as it is asked of a price book and of an independent source: what one bucket costs under one set of conditions. */
export interface PriceQuestion {
  readonly vendor: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Service tier by the table's word; empty for the standard one. */
  readonly tier: string;
  readonly batch: boolean;
  /** Empty for wherever the vendor serves by default. */
  readonly region: string;
  /** Input tokens of the request, cached ones included. */
  readonly input: number;
  /** A bucket of tokens, or the name of what is billed beside them. */
  readonly what: RateName | string;
}

/** An independent source of prices, to compare with. */
export interface PriceReference {
  /** What known differences and messages call it. */
  readonly name: string;
  /** True if it knows what was and will be, false if it knows today alone. */
  readonly isDated: boolean;
  /** True if it has the bounds of input to the token; else prices are not compared right at them. */
  readonly hasExactBounds: boolean;
  /** True if it could answer: it has such conditions and such buckets, be the model there or not. */
  covers(question: PriceQuestion): boolean;
  /** US dollars per million tokens, or per unit of what is billed beside them; undefined if it has no such price. */
  rate(question: PriceQuestion): number | undefined;
}
