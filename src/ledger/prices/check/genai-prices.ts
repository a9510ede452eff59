import type { RateName } from "../types.ts";
import { isBucket } from "./questions.ts";
import type { PriceQuestion, PriceReference } from "./reference.ts";

/** What of `@pydantic/genai-prices` is used. */
export interface GenaiPrices {
  calcPrice(
    usage: Readonly<Record<string, number>>,
    model: string,
    options: { readonly providerId: string; readonly timestamp: Date },
  ): { readonly input_price: number; readonly output_price: number; readonly total_price: number } | null;
}

/** The vendor's name there, where it is another. */
const PROVIDERS: Readonly<Record<string, string>> = { gemini: "google", vertex: "google", xai: "x-ai", bedrock: "aws" };

/** Models that are known there by a snapshot, or with other punctuation. */
const NAMES: Readonly<Record<string, string>> = {
  "anthropic/claude-4.6-sonnet": "anthropic/claude-4.6-sonnet-20260217",
  "anthropic/claude-4.5-sonnet": "anthropic/claude-4.5-sonnet-20250929",
  "anthropic/claude-4.5-haiku": "anthropic/claude-4.5-haiku-20251001",
  "anthropic/claude-sonnet-4-5": "anthropic/claude-sonnet-4.5",
};

/** Its words for buckets; what is in one is in the totals too. */
const BUCKETS: Readonly<Record<RateName, readonly string[]>> = {
  input: ["input_tokens"],
  inputCacheRead: ["input_tokens", "cache_read_tokens"],
  inputCacheWrite5m: ["input_tokens", "cache_write_tokens"],
  inputCacheWrite1h: ["input_tokens", "cache_write_tokens", "cache_write_1h_tokens"],
  inputAudio: ["input_tokens", "input_audio_tokens"],
  inputImage: ["input_tokens", "input_image_tokens"],
  output: ["output_tokens"],
  outputReasoning: ["output_tokens", "output_reasoning_tokens"],
  outputAudio: ["output_tokens", "output_audio_tokens"],
  outputImage: ["output_tokens", "output_image_tokens"],
};

/** There every request to Perplexity is billed as one with the largest context. */
const FEES: Readonly<Record<string, string>> = { perplexity: "search_context_high" };

const MILLION = 1_000_000;

/** `@pydantic/genai-prices` as a source: list prices by day and length of input, at the standard tier alone. */
export function createGenaiReference({ calcPrice }: GenaiPrices): PriceReference {
  return {
    name: "genai-prices",
    isDated: true,
    hasExactBounds: true,
    covers: ({ vendor, tier, batch, what }) => tier === "" && !batch && (isBucket(what) || FEES[vendor] === what),
    rate: ({ vendor, model, atMs, input, what }: PriceQuestion) => {
      const isInput = what.startsWith("input");
      const tokens = isInput ? input : MILLION;
      const counts = isBucket(what) ? Object.fromEntries(BUCKETS[what].map((name) => [name, tokens])) : {};
      const options = { providerId: PROVIDERS[vendor] ?? vendor, timestamp: new Date(atMs) };
      const found = calcPrice({ input_tokens: input, output_tokens: 0, ...counts }, NAMES[model] ?? model, options);
      if (found === null) return undefined;
      const { input_price: ofInput, output_price: ofOutput, total_price: total } = found;
      if (!isBucket(what)) return total - ofInput - ofOutput;
      return isInput ? (ofInput / input) * MILLION : ofOutput;
    },
  };
}
