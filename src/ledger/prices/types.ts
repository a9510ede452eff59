/** Token buckets that can have a rate of their own. What is billed where a bucket has none is said in `cost.ts`. */
export const RATE_NAMES = [
  "input",
  "inputCacheRead",
  "inputCacheWrite5m",
  "inputCacheWrite1h",
  "inputAudio",
  "inputImage",
  "output",
  "outputReasoning",
  "outputAudio",
  "outputImage",
] as const;

/** A bucket that can have a rate. */
export type RateName = (typeof RATE_NAMES)[number];

/** US dollars per million tokens, in decimal as the vendor writes them (`"0.075"`). */
export type RateTexts = Readonly<Partial<Record<RateName, string>>>;

/** What some models of a vendor cost under some conditions. Of the rules that apply the one with the highest `inputOver` counts. */
export interface PriceRule {
  /** Ids as the vendor has them. A snapshot costs what its base id costs unless it is listed itself. */
  readonly models: readonly string[];
  /** First UTC day on which it holds, `YYYY-MM-DD`; absent: from the beginning. */
  readonly from?: string;
  /** First UTC day on which it holds no more; absent: until further notice. */
  readonly to?: string;
  /** Holds for the whole request where its input, cached tokens included, is more than this many tokens. */
  readonly inputOver?: number;
  /** Vendor's word of the service tier it is for; absent: the standard one. */
  readonly serviceTier?: string;
  /** True for the vendor's batch API. */
  readonly batch?: true;
  /** Vendor's word of the region it is for; `*` is any that has no rule of its own beside it. Absent: wherever the vendor serves by default. */
  readonly region?: string;
  readonly rates: RateTexts;
  /** US dollars per unit of what is billed beside tokens, by the vendor's word (`web_search_requests`). */
  readonly extras?: Readonly<Record<string, string>>;
  /** Extras of which every request is billed exactly one, the one by default first. */
  readonly requestFees?: readonly string[];
  /** Why an operator's own price is not the vendor's list price. */
  readonly reason?: string;
}

/** An operator's own prices, which lie over the tables. What wins where is said at `createPriceBook`. */
export interface OwnPrices {
  /** By vendor, the `seller` of adapters, be there a table of it or not. */
  readonly vendors: Readonly<Record<string, readonly PriceRule[]>>;
  /** By provider instance. */
  readonly instances: Readonly<Record<string, readonly PriceRule[]>>;
}

/** The prices of one vendor, as data. */
export interface PriceTable {
  /** The `seller` of the adapters it is for; several where one vendor sells the same at the same price under two names. */
  readonly vendors: readonly string[];
  /** Day on which the data was last compared with its source, `YYYY-MM-DD`. */
  readonly asOf: string;
  /** Where the data is from. */
  readonly source: string;
  /** What a snapshot or a version adds to a base id: a regular expression that is taken off a model's name. */
  readonly suffix: string;
  /** The vendor's other words for a service tier of the rules; `""` is its standard one. A word that is in neither has no price. */
  readonly tierWords: Readonly<Record<string, string>>;
  readonly rules: readonly PriceRule[];
}

/** What is to be priced. */
export interface PriceQuery {
  /** The adapter's `seller`. */
  readonly vendor: string;
  /** Name of the provider instance, which may have prices of its own. */
  readonly instance: string;
  /** The model, in the vendor's own word. */
  readonly model: string;
  /** When the attempt began, milliseconds since the epoch. */
  readonly atMs: number;
  /** Service tier the request asks for, in the vendor's word; empty if it asks for none. */
  readonly serviceTier: string;
  /** True for the vendor's batch API. */
  readonly batch: boolean;
  /** Vendor's word of the region; empty for wherever the vendor serves by default. */
  readonly region: string;
}

/** Rates in nano-USD per million tokens, and per unit of what is billed beside tokens. */
export interface Rates {
  /** Holds where the input is more than this many tokens. */
  readonly inputOver: number;
  /** The rule that says so, and whether it is the operator's own. */
  readonly rule: PriceRule;
  readonly isOwn: boolean;
  readonly tokens: Readonly<Partial<Record<RateName, bigint>>>;
  readonly extras: ReadonlyMap<string, bigint>;
  /** Extras of which every request is billed exactly one, the one by default first. */
  readonly requestFees: readonly string[];
}

/** What one model costs at one time. Which of its rates count is known once the provider has said which tier it served and how much it read. */
export interface Price {
  /** True if nobody bills for it: then it costs 0, and that is known. */
  readonly free: boolean;
  /** Version of the prices it is one of; empty if nobody bills for it. */
  readonly version: string;
  /** By service tier, `""` for the standard one; each with the highest `inputOver` first. */
  readonly tiers: ReadonlyMap<string, readonly Rates[]>;
  /** The vendor's other words for these tiers. */
  readonly tierWords: ReadonlyMap<string, string>;
  /** Service tier the request asks for; empty if it asks for none. */
  readonly askedTier: string;
}

/** What a request may cost, in nano-USD. */
export interface CostEstimate {
  /** Likely cost. Absent if there is no price. */
  readonly expectedNanoUsd?: bigint;
  /** Cost it can have at most, in any tier that it may be served in. Absent if there is no price or no bound. */
  readonly worstNanoUsd?: bigint;
}

/** What a request may cost at most, in nano-USD: its input with what is billed once, and each token of output. */
export interface CostBound {
  readonly inputNanoUsd: bigint;
  readonly outputTokenNanoUsd: bigint;
}
