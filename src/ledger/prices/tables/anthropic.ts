import type { PriceRule, PriceTable, RateTexts } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** Rates of a Claude model: input, cache read, cache write of 5 minutes and of an hour, output. */
function claude(input: string, read: string, write5m: string, write1h: string, output: string): RateTexts {
  return rates(input, read, output, { inputCacheWrite5m: write5m, inputCacheWrite1h: write1h });
}

const FABLE = claude("10", "1", "12.5", "20", "50");
const FABLE_BATCH = claude("5", "0.5", "6.25", "10", "25");
const OPUS_4 = claude("15", "1.5", "18.75", "30", "75");
const OPUS_4_BATCH = claude("7.5", "0.75", "9.375", "15", "37.5");
const OPUS = claude("5", "0.5", "6.25", "10", "25");
const OPUS_BATCH = claude("2.5", "0.25", "3.125", "5", "12.5");
const SONNET = claude("3", "0.3", "3.75", "6", "15");
const SONNET_BATCH = claude("1.5", "0.15", "1.875", "3", "7.5");

const OPUS_5_5 = claude("4", "0.2", "5", "8", "20");

/** An advisor's tokens are billed at its own rates, beside those of the model that asks it. Rates are per million, extras per unit. */
function advisor(
  model: string,
  { input, inputCacheRead, inputCacheWrite5m, output }: RateTexts,
): Record<string, string> {
  const named = (field: string): string => `advisor_message/${model}/${field}`;
  return {
    [named("input_tokens")]: `${input}e-6`,
    [named("cache_read_input_tokens")]: `${inputCacheRead}e-6`,
    [named("cache_creation_input_tokens")]: `${inputCacheWrite5m}e-6`,
    [named("output_tokens")]: `${output}e-6`,
  };
}

/** $10 per thousand searches. Fetches are free. */
const extras = {
  web_search_requests: "0.01",
  web_fetch_requests: "0",
  ...advisor("claude-fable-5", FABLE),
  ...advisor("claude-opus-5-5", OPUS_5_5),
  ...advisor("claude-opus-5", OPUS),
  ...advisor("claude-opus-4-8", OPUS),
  ...advisor("claude-opus-4-7", OPUS),
  ...advisor("claude-opus-4-6", OPUS),
};

const RULES: readonly PriceRule[] = [
  ...rulesFor(["claude-fable-5"], { standard: FABLE, batch: FABLE_BATCH }, { extras }),
  ...rulesFor(
    ["claude-fable-5-1"],
    { standard: { ...FABLE, inputCacheRead: "0.25" }, batch: { ...FABLE_BATCH, inputCacheRead: "0.125" } },
    { extras },
  ),
  ...rulesFor(["claude-opus-5-5"], { standard: OPUS_5_5, batch: claude("2", "0.1", "2.5", "4", "10") }, { extras }),
  ...rulesFor(
    ["claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5"],
    { standard: OPUS, batch: OPUS_BATCH },
    { extras },
  ),
  ...rulesFor(
    ["claude-opus-4-1", "claude-opus-4-0", "claude-opus-4", "claude-3-opus"],
    { standard: OPUS_4, batch: OPUS_4_BATCH },
    { extras },
  ),
  ...rulesFor(
    ["claude-sonnet-5"],
    { standard: claude("2", "0.2", "2.5", "4", "10"), batch: claude("1", "0.1", "1.25", "2", "5") },
    { extras },
  ),
  ...rulesFor(
    [
      "claude-sonnet-4-6",
      "claude-sonnet-4-5",
      "claude-sonnet-4-0",
      "claude-sonnet-4",
      "claude-3-7-sonnet",
      "claude-3-5-sonnet",
      "claude-3-sonnet",
    ],
    { standard: SONNET, batch: SONNET_BATCH },
    { extras },
  ),
  ...rulesFor(
    ["claude-haiku-4-5"],
    { standard: claude("1", "0.1", "1.25", "2", "5"), batch: claude("0.5", "0.05", "0.625", "1", "2.5") },
    { extras },
  ),
  ...rulesFor(
    ["claude-3-5-haiku"],
    { standard: claude("0.8", "0.08", "1", "1.6", "4"), batch: claude("0.4", "0.04", "0.5", "0.8", "2") },
    { extras },
  ),
  ...rulesFor(
    ["claude-3-haiku"],
    {
      standard: claude("0.25", "0.03", "0.3", "0.5", "1.25"),
      batch: claude("0.125", "0.015", "0.15", "0.25", "0.625"),
    },
    { extras },
  ),
];

/**
 * Anthropic's models at its own API. They cost the same at any length: the higher price above 200,000 tokens was that of a beta the platform never
 * asked for, while the input that is billed may be more than that, as the sum over the passes of a tool that Anthropic runs. Without a price:
 * Priority Tier, which is a commitment paid ahead, fast mode, and the surcharge of
 * `inference_geo: us`, which the platform never asks for.
 */
export const anthropicPrices: PriceTable = {
  vendors: ["anthropic"],
  asOf: "2026-11-26",
  source: "https://platform.claude.com/docs/en/about-claude/pricing, by way of @pydantic/genai-prices 0.1.8",
  suffix: "-\\d{8}|-latest",
  tierWords: { standard: "", auto: "", standard_only: "", batch: "" },
  rules: RULES,
};
