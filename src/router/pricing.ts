import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import { FREE, type PriceBook } from "../ledger/prices/price-book.ts";
import type { Price } from "../ledger/prices/types.ts";
import type { ResolvedCandidate } from "./call.ts";

/**
 * The price at which a candidate would serve a request that begins now, which is `atMs` since the epoch. A provider that cannot spend is free;
 * undefined if the candidate spends and its model has no price.
 */
export function priceOfCandidate(
  prices: PriceBook,
  { adapter, model }: Pick<ResolvedCandidate, "adapter" | "model">,
  { serviceTier }: Pick<ChatRequest, "serviceTier">,
  atMs: number,
): Price | undefined {
  if (!adapter.spends) return FREE;
  const { seller: vendor, settings, region = "" } = adapter;
  return prices.priceOf({
    vendor,
    instance: settings.name,
    model: model.model,
    atMs,
    serviceTier,
    batch: false,
    region,
  });
}

/** What the caller should know of a candidate that spends and has no price. */
export function priceUnknown({ adapter, model }: Pick<ResolvedCandidate, "adapter" | "model">): Warning {
  return {
    $typeName: "execution.v1.Warning",
    code: "PRICE_UNKNOWN",
    field: "",
    text: `no price is known for ${model.model} of ${adapter.settings.name}, so what it costs is not counted`,
  };
}
