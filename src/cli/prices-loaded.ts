import { randomUUID } from "node:crypto";
import { adapterKinds } from "../adapters/index.ts";
import { createState } from "../gateway-state.ts";
import { type PricedModel, pricedModels } from "../ledger/prices/check/questions.ts";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import { priceTables } from "../ledger/prices/tables/index.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { loadFromDisk } from "./load.ts";
import type { PricesOptions } from "./options.ts";

/** The prices that a gateway started here would count by, and the models that the options leave. */
export interface LoadedPrices {
  readonly book: PriceBook;
  readonly models: readonly PricedModel[];
}

/** Loads the configuration for its own prices, over the built-in ones. Throws a CommandError if the options leave no model. */
export async function loadPrices(options: PricesOptions, context: CommandContext): Promise<LoadedPrices> {
  const { config } = await loadFromDisk(options.config, context);
  const { prices: book, adapters } = createState(config, { kinds: adapterKinds, newId: randomUUID });
  const own = config.prices ?? { vendors: {}, instances: {} };
  const all = pricedModels(priceTables, own, (instance) => adapters[instance]?.seller ?? "");
  await Promise.all(Object.values(adapters).map((adapter) => adapter.close()));
  const { vendor, model } = options;
  const models = all.filter(
    (priced) =>
      (vendor === undefined || priced.vendor === vendor || priced.instance === vendor) &&
      (model === undefined || priced.model === model),
  );
  if (models.length > 0) return { book, models };
  const vendors = [...new Set(all.flatMap((priced) => [priced.vendor, priced.instance]))].filter((name) => name !== "");
  throw new CommandError(`no such model has a price; those of ${vendors.join(", ")} have`);
}

/** Whose prices these are, as tables show it. */
export function ownerText({ vendor, instance }: Pick<PricedModel, "vendor" | "instance">): string {
  return instance === "" ? vendor : `${instance} (instance)`;
}

/** The conditions of a price in a word or two; `standard` if it has none. */
export function conditionText({
  tier,
  batch,
  region,
}: {
  readonly tier: string;
  readonly batch: boolean;
  readonly region: string;
}): string {
  const words = [tier, ...(batch ? ["batch"] : []), region].filter((word) => word !== "");
  return words.length === 0 ? "standard" : words.join(" ");
}
