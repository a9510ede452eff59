import { describe, expect, test } from "@jest/globals";
import { calcPrice } from "@pydantic/genai-prices";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { priceTables } from "../../../src/ledger/prices/tables/index.ts";
import { type PriceRule, RATE_NAMES, type RateName } from "../../../src/ledger/prices/types.ts";
import { billedExtra, priceQuery, usageOf } from "./rig.ts";

/*
 * Every price of the tables is compared with `@pydantic/genai-prices`, which keeps the vendors' list prices independently of us: for each model,
 * from each day on which one of our prices begins, below and above each bound of its input, a million tokens of each bucket at the standard
 * tier. It has no tiers beside the standard one, so those are compared with the vendors' rule instead: below.
 *
 * Mutants seen red: a rate with its decimal point moved, a rule without its `to`, a bound of 200,000 where it is 272,000.
 */

/** The vendor's name there. */
const PROVIDERS: Readonly<Record<string, string>> = {
  openai: "openai",
  anthropic: "anthropic",
  gemini: "google",
  vertex: "google",
  openrouter: "openrouter",
  perplexity: "perplexity",
  xai: "x-ai",
};

/** Models that are known there by a snapshot, or with other punctuation. */
const NAMES: Readonly<Record<string, string>> = {
  "anthropic/claude-4.6-sonnet": "anthropic/claude-4.6-sonnet-20260217",
  "anthropic/claude-4.5-sonnet": "anthropic/claude-4.5-sonnet-20250929",
  "anthropic/claude-4.5-haiku": "anthropic/claude-4.5-haiku-20251001",
  "anthropic/claude-sonnet-4-5": "anthropic/claude-sonnet-4.5",
};

/** There every request to Perplexity is billed as one with the largest context. */
const EXTRAS: Readonly<Record<string, Usage["extras"]>> = { perplexity: [billedExtra("search_context_high", 1)] };

/** Where we differ: vendor, model, bucket (`*` is any, `*>200k` any with a longer input), and why. Each of them must be needed. */
const DIFFERENCES: readonly (readonly [vendor: string, model: string, bucket: string, reason: string])[] = [
  ["anthropic", "claude-sonnet-4-5", "*>200k", "there the price of the 1M beta, which the platform never asked for"],
  ["openai", "gpt-4o-audio-preview", "inputAudio", "there sound is billed as text; OpenAI lists $40 in"],
  ["openai", "gpt-4o-audio-preview", "outputAudio", "there sound is billed as text; OpenAI lists $80 out"],
  ["openai", "gpt-4o-audio-preview-2024-10-01", "inputAudio", "there sound is billed as text; it was $100 in"],
  ["openai", "gpt-4o-audio-preview-2024-10-01", "outputAudio", "there sound is billed as text; it was $200 out"],
  ["openai", "gpt-4o-mini-audio-preview", "inputAudio", "there sound is billed as text; OpenAI lists $10 in"],
  ["openai", "gpt-4o-mini-audio-preview", "outputAudio", "there sound is billed as text; OpenAI lists $20 out"],
  ["gemini", "gemini-1.5-pro", "inputCacheRead", "there the cache's price is under the id gemini-pro-1.5 only"],
  ["vertex", "gemini-2.0-flash", "*", "there the Gemini API's price; Vertex AI's was half as much again"],
  ["openrouter", "google/gemini-2.5-flash", "inputCacheRead", "there the price before Google's cut to $0.03"],
  ["openrouter", "google/gemini-2.5-flash", "inputAudio", "there sound is billed as text; Google lists $1"],
  ["openrouter", "openai/gpt-5.1", "inputCacheRead", "there rounded up to $0.13"],
  ["openrouter", "minimax/minimax-m2:free", "*", "there what is free has no price"],
];

const book = createPriceBook(priceTables);
const million = 1_000_000;
const now = Date.UTC(2026, 10, 26);

/** The usage of `tokens` tokens of one bucket, ours and theirs. */
const BUCKETS: Readonly<Record<RateName, (tokens: number) => readonly [ours: object, theirs: Record<string, number>]>> =
  {
    input: (tokens) => [{ inputTotal: tokens }, { input_tokens: tokens }],
    inputCacheRead: (tokens) => [
      { inputTotal: tokens, inputCacheRead: tokens },
      { input_tokens: tokens, cache_read_tokens: tokens },
    ],
    inputCacheWrite5m: (tokens) => [
      { inputTotal: tokens, inputCacheWrite5m: tokens },
      { input_tokens: tokens, cache_write_tokens: tokens },
    ],
    inputCacheWrite1h: (tokens) => [
      { inputTotal: tokens, inputCacheWrite1h: tokens },
      { input_tokens: tokens, cache_write_tokens: tokens, cache_write_1h_tokens: tokens },
    ],
    inputAudio: (tokens) => [
      { inputTotal: tokens, inputAudio: tokens },
      { input_tokens: tokens, input_audio_tokens: tokens },
    ],
    inputImage: (tokens) => [
      { inputTotal: tokens, inputImage: tokens },
      { input_tokens: tokens, input_image_tokens: tokens },
    ],
    output: (tokens) => [{ outputTotal: tokens }, { output_tokens: tokens }],
    outputReasoning: (tokens) => [
      { outputTotal: tokens, outputReasoning: tokens },
      { output_tokens: tokens, output_reasoning_tokens: tokens },
    ],
    outputAudio: (tokens) => [
      { outputTotal: tokens, outputAudio: tokens },
      { output_tokens: tokens, output_audio_tokens: tokens },
    ],
    outputImage: (tokens) => [
      { outputTotal: tokens, outputImage: tokens },
      { output_tokens: tokens, output_image_tokens: tokens },
    ],
  };

/** One price, asked of both. */
interface Compared {
  readonly vendor: string;
  readonly model: string;
  readonly bucket: RateName;
  readonly input: number;
  readonly what: string;
  /** US dollars; undefined where it has no price. */
  readonly ours: number | undefined;
  readonly theirs: number | undefined;
}

/** Each model of each vendor with its rules at the standard tier. */
const models = priceTables.flatMap(({ vendors, rules }) => {
  const standard = rules.filter(({ batch, serviceTier }) => batch !== true && serviceTier === undefined);
  const names = [...new Set(standard.flatMap((rule) => rule.models))];
  return vendors.flatMap((vendor) =>
    names.map((model) => ({ vendor, model, rules: standard.filter((rule) => rule.models.includes(model)) })),
  );
});

const compared = models.flatMap(({ vendor, model, rules }) => {
  const days = [...new Set(rules.flatMap(({ from = "", to = "" }) => [from, to]))].filter((day) => day !== "");
  const times = [now, ...days.flatMap((day) => [Date.parse(day) - 1, Date.parse(day)])];
  const bounds = rules.flatMap(({ inputOver }) => (inputOver === undefined ? [] : [inputOver, inputOver + 1]));
  const inputs = [...new Set([100_000, 300_000, ...bounds])];
  return times.flatMap((atMs) =>
    inputs.flatMap((input) => RATE_NAMES.flatMap((bucket) => compare(vendor, model, atMs, input, bucket))),
  );
});

/** Asks both what `input` tokens cost: all of them in the bucket, or, if it is one of the output, with a million tokens in it. */
function compare(vendor: string, model: string, atMs: number, input: number, bucket: RateName): readonly Compared[] {
  const price = book.priceOf(priceQuery({ vendor, model, atMs }));
  // A bucket without a rate of its own is billed as another one, which is compared itself. A model without any price is compared by its input.
  const hasRate = price?.tiers.get("")?.some(({ tokens }) => tokens[bucket] !== undefined) ?? bucket === "input";
  if (!hasRate) return [];
  const [own, theirs] = BUCKETS[bucket](bucket.startsWith("input") ? input : million);
  const usage = usageOf({ inputTotal: input, outputTotal: 0, extras: EXTRAS[vendor] ?? [], ...own });
  const options = { providerId: PROVIDERS[vendor] ?? vendor, timestamp: new Date(atMs) };
  const cost = book.costOf(price, usage);
  return [
    {
      vendor,
      model,
      bucket,
      input,
      what: `${vendor} ${model} ${bucket} with ${input} in, ${new Date(atMs).toISOString().slice(0, 10)}`,
      ours: cost === undefined ? undefined : Number(cost) / 1e9,
      theirs: calcPrice({ input_tokens: input, output_tokens: 0, ...theirs }, NAMES[model] ?? model, options)
        ?.total_price,
    },
  ];
}

/** Theirs is a sum of doubles, ours is rounded up. */
function isEqual({ ours, theirs }: Compared): boolean {
  return ours !== undefined && theirs !== undefined && Math.abs(ours - theirs) <= 1e-9 + theirs * 1e-9;
}

/** How many times the standard rate another tier's is. */
interface Ratio {
  readonly what: string;
  readonly tier: string;
  readonly ratio: number;
}

function ratios(rule: PriceRule, rules: readonly PriceRule[]): readonly Ratio[] {
  const tier = rule.serviceTier ?? (rule.batch === true ? "batch" : "");
  if (tier === "") return [];
  const isSame = ({ models: names, from, inputOver }: PriceRule): boolean =>
    names === rule.models && from === rule.from && inputOver === rule.inputOver;
  const standard = rules.find((each) => isSame(each) && each.batch === undefined && each.serviceTier === undefined);
  return (["input", "output"] as const).map((name) => ({
    what: `${rule.models[0]} ${name}`,
    tier,
    ratio: Number(rule.rates[name]) / Number(standard?.rates[name]),
  }));
}

describe("the prices of the tables", () => {
  const other = compared.filter((each) => !isEqual(each));
  const isNamed = ([vendor, model, bucket]: (typeof DIFFERENCES)[number], each: Compared): boolean =>
    vendor === each.vendor &&
    model === each.model &&
    (bucket === "*" || bucket === each.bucket || (bucket === "*>200k" && each.input > 200_000));

  test("are those of @pydantic/genai-prices, but for what is named", () => {
    process.stdout.write(
      `compared ${compared.length} prices of ${models.length} models: ${compared.length - other.length} equal to @pydantic/genai-prices\n`,
    );
    for (const [vendor, model, bucket, reason] of DIFFERENCES) {
      process.stdout.write(`  but for ${bucket} of ${vendor} ${model}: ${reason}\n`);
    }
    const unnamed = other.filter((each) => !DIFFERENCES.some((difference) => isNamed(difference, each)));
    expect(unnamed.map(({ what, ours, theirs }) => `${what}: we ${ours}, they ${theirs}`)).toEqual([]);
    expect(models.length).toBeGreaterThan(100);
  });

  // Mutant seen red: a batch rate that is the standard one.
  test("in batches and at flex are half, and at priority more than once and at most 2.5 times as much", () => {
    const others = priceTables.flatMap(({ rules }) => rules.flatMap((rule) => ratios(rule, rules)));
    process.stdout.write(`compared ${others.length} rates of other tiers with the standard ones\n`);
    const isRight = ({ tier, ratio }: Ratio) => (tier === "priority" ? ratio > 1 && ratio <= 2.5 : ratio === 0.5);
    expect(others.filter((each) => !isRight(each))).toEqual([]);
    expect(others.length).toBeGreaterThan(100);
  });

  test("differ wherever it is named", () => {
    const needless = DIFFERENCES.filter((difference) => !other.some((each) => isNamed(difference, each)));
    expect(needless).toEqual([]);
  });
});
