import { formatUsd } from "../contract/money.ts";
import { conditionsOf, type PricedModel } from "../ledger/prices/check/questions.ts";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import { RATE_NAMES, type RateName, type Rates } from "../ledger/prices/types.ts";
import { type CommandContext, CommandError, printable, write } from "./context.ts";
import type { ListPricesOptions } from "./options.ts";
import { conditionText, loadPrices, ownerText } from "./prices-loaded.ts";
import { tableLines } from "./table.ts";

/** What a model costs under some conditions. */
interface Row {
  readonly model: PricedModel;
  readonly conditions: ReturnType<typeof conditionsOf>[number];
  readonly rates: Rates;
}

/**
 * Prints the prices that hold at a time: a table, or with `--json` every figure. They are what the gateway would count by, prices of one's own over
 * the built-in ones.
 */
export async function listPrices(options: ListPricesOptions, context: CommandContext): Promise<number> {
  const { book, models } = await loadPrices(options, context);
  const atMs = options.at ?? Date.now();
  const rows = models.flatMap((model) => rowsOf(book, model, atMs));
  if (rows.length === 0) throw new CommandError("none of these models has a price on that day");
  const text =
    options.json === true
      ? JSON.stringify({ version: book.version, prices: rows.map(asJson) }, undefined, 2)
      : [...table(rows), "", `US dollars per million tokens. Version ${book.version}; * is a price of your own.`].join(
          "\n",
        );
  await write(context.stdout, `${printable(context.stdout, text)}\n`);
  return 0;
}

function rowsOf(book: PriceBook, model: PricedModel, atMs: number): readonly Row[] {
  return conditionsOf(model).flatMap((conditions) => {
    const { tier, batch, region } = conditions;
    const { vendor, instance, model: name } = model;
    const price = book.priceOf({ vendor, instance, model: name, atMs, serviceTier: tier, batch, region });
    const rates = price?.tiers.get(price.tierWords.get(tier) ?? tier) ?? [];
    return rates.toReversed().map((each) => ({ model, conditions, rates: each }));
  });
}

/** Buckets with a column of their own. The others stand in the last one. */
const COLUMNS: readonly (readonly [heading: string, bucket: RateName])[] = [
  ["input", "input"],
  ["cached", "inputCacheRead"],
  ["write 5m", "inputCacheWrite5m"],
  ["write 1h", "inputCacheWrite1h"],
  ["output", "output"],
];

function table(rows: readonly Row[]): readonly string[] {
  const headings = [
    "vendor",
    "model",
    "conditions",
    "input over",
    ...COLUMNS.map(([heading]) => heading),
    "others",
    "until",
  ];
  const cells = rows.map(({ model, conditions, rates }) => [
    ownerText(model),
    `${model.model}${rates.isOwn ? " *" : ""}`,
    conditionText(conditions),
    rates.inputOver === 0 ? "" : String(rates.inputOver),
    ...COLUMNS.map(([, bucket]) => amount(rates.tokens[bucket])),
    RATE_NAMES.flatMap((bucket) =>
      rates.tokens[bucket] === undefined || COLUMNS.some(([, own]) => own === bucket)
        ? []
        : [`${snakeCase(bucket)} ${amount(rates.tokens[bucket])}`],
    ).join(", "),
    rates.rule.to ?? "",
  ]);
  return tableLines([headings, ...cells], 3);
}

function amount(nanoUsd: bigint | undefined): string {
  return nanoUsd === undefined ? "-" : formatUsd(nanoUsd);
}

function asJson({ model: { vendor, instance, model }, conditions, rates }: Row): unknown {
  const { from, to, reason } = rates.rule;
  return {
    vendor,
    ...(instance === "" ? {} : { instance }),
    model,
    service_tier: conditions.tier,
    batch: conditions.batch,
    region: conditions.region,
    input_over: rates.inputOver,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    rates: Object.fromEntries(
      RATE_NAMES.flatMap((bucket) =>
        rates.tokens[bucket] === undefined ? [] : [[snakeCase(bucket), formatUsd(rates.tokens[bucket])]],
      ),
    ),
    extras: Object.fromEntries([...rates.extras].map(([name, nanoUsd]) => [name, formatUsd(nanoUsd)])),
    own: rates.isOwn,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** `input_cache_write_5m`, as the file of prices has it. */
function snakeCase(bucket: string): string {
  return bucket.replace(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`);
}
