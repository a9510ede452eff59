import type { Usage } from "../gen/execution/v1/usage_pb.js";
import type { PriceBook } from "./prices/price-book.ts";

/** A settled attempt that is billed and whose usage is known, as far as its price needs it. */
export interface RatedRow {
  readonly provider: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly usage: Usage;
  /** Absent if it was not known. */
  readonly costNanoUsd?: bigint;
}

/** Whose prices count at a provider instance now. */
export interface PricedInstance {
  readonly seller: string;
  readonly region?: string;
  readonly spends: boolean;
}

/** Why a row keeps its cost whatever the prices: its instance is not configured or free now, it has no price now, or its tier is not known. */
export type Kept = "instance" | "price" | "tier";

/** What becomes of a row. */
export type Rerated =
  | { readonly outcome: "changed"; readonly costNanoUsd: bigint; readonly priceVersion: string }
  | { readonly outcome: "same" }
  | { readonly outcome: "kept"; readonly why: Kept };

/**
 * Prices a row anew, by the prices that are in force now for the day on which it began. Never takes a cost away: what has no price now keeps what it
 * has. Rows do not say which tier was asked for, so that one whose provider did not say which it served is priced only where there is but one.
 */
export function rerateRow(
  { provider, model, startedAtMs, usage, costNanoUsd }: RatedRow,
  book: PriceBook,
  instanceOf: (name: string) => PricedInstance | undefined,
): Rerated {
  const instance = instanceOf(provider);
  if (instance?.spends !== true) return { outcome: "kept", why: "instance" };
  const { seller: vendor, region = "" } = instance;
  const query = { vendor, instance: provider, model, atMs: startedAtMs, serviceTier: "", batch: false, region };
  const price = book.priceOf(query);
  if (price !== undefined && usage.serviceTier === "" && price.tiers.size > 1) return { outcome: "kept", why: "tier" };
  const cost = book.costOf(price, usage);
  if (price === undefined || cost === undefined) return { outcome: "kept", why: "price" };
  if (cost === costNanoUsd) return { outcome: "same" };
  return { outcome: "changed", costNanoUsd: cost, priceVersion: price.version };
}
