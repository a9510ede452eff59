import { divideUp, parseUsd, withinInt64 } from "../../contract/money.ts";
import { unknownUsage } from "../../contract/usage.ts";
import { type BilledExtra, type Usage, UsageSource } from "../../gen/execution/v1/usage_pb.js";
import { jsonMember } from "../../json-text.ts";
import { asCount, asObject, asText, type JsonObject } from "../json.ts";
import { type Buckets, firstCount, isGarbled, known, rest } from "../usage-buckets.ts";

/** What providers bill beside tokens, by the field of `usage` (or of an object in it) that counts it. */
const EXTRAS: readonly (readonly string[])[] = [
  ["server_tool_use_details", "web_search_requests"],
  ["server_tool_use", "web_search_requests"],
  ["num_search_queries"],
  ["num_sources_used"],
];

/**
 * Reads a usage object of chat completions into disjoint buckets. `prompt_tokens` holds cached tokens, sound and pictures; `completion_tokens`
 * holds reasoning, sound and pictures, except where `total_tokens` is larger than both together: then the difference is reasoning that was
 * not counted in (xAI, Gemini). Cached tokens are `prompt_tokens_details.cached_tokens`, DeepSeek's `prompt_cache_hit_tokens`, or
 * `cached_tokens` and `num_cached_tokens` beside the totals. What a provider does not tell apart stays absent, and so does a remainder that
 * its figures contradict: some report more cached tokens than prompt tokens. A total is absent if what should be a count of a part of it is none.
 */
export function readUsage(reported: JsonObject): Usage {
  const input = inputBuckets(reported);
  const output = outputBuckets(reported);
  return {
    ...unknownUsage(),
    ...known(input),
    ...known(output),
    extras: [...countedExtras(reported), ...searchFee(reported)],
    source: UsageSource.PROVIDER,
    // Mistral's; others have it beside the usage.
    serviceTier: asText(reported.service_tier).toWellFormed(),
  };
}

function countedExtras(reported: JsonObject): readonly BilledExtra[] {
  return EXTRAS.flatMap((path) => {
    const quantity = asCount(path.reduce<unknown>((value, key) => asObject(value)?.[key], reported));
    const name = path.at(-1);
    return quantity === undefined || quantity === 0 || name === undefined ? [] : [extra(name, quantity)];
  });
}

/** Perplexity bills every request by the size of the context it searched with, and says which. */
function searchFee({ search_context_size: size }: JsonObject): readonly BilledExtra[] {
  const word = asText(size);
  return /^[a-z]{1,16}$/.test(word) ? [extra(`search_context_${word}`, 1)] : [];
}

function extra(name: string, quantity: number): BilledExtra {
  return { $typeName: "execution.v1.BilledExtra", name, quantity };
}

/** Where providers put their own figure of what an answer cost, in US dollars: OpenRouter, Perplexity, Pydantic's gateway. */
const COSTS: readonly (readonly string[])[] = [
  ["cost"],
  ["cost", "total_cost"],
  ["pydantic_ai_gateway", "cost_estimate"],
];

/** xAI's `cost_in_usd_ticks` is in units of 10^-10 US dollars (docs.x.ai, consumption). */
const ticksPerNanoUsd = 10n;

/**
 * The provider's own figure of what an answer cost, in nano-USD; undefined if it gives none, or one beyond an int64. It is read from the JSON text of the usage object,
 * so that no digit is lost. No ticks at all say nothing: xAI's models at Azure, where Microsoft bills, always have 0.
 */
export function providerCost(usageJson: string): bigint | undefined {
  for (const path of COSTS) {
    const cost = parseUsd(textAt(usageJson, path) ?? "");
    if (cost !== undefined) return withinInt64(cost);
  }
  const ticks = textAt(usageJson, ["cost_in_usd_ticks"]) ?? "";
  return /^[1-9]\d{0,18}$/.test(ticks) ? divideUp(BigInt(ticks), ticksPerNanoUsd) : undefined;
}

/** The JSON text of a member of a member ...; undefined where it is not there. */
function textAt(json: string, path: readonly string[]): string | undefined {
  return path.reduce<string | undefined>(
    (text, key) => (text?.startsWith("{") === true ? jsonMember(text, key) : undefined),
    json,
  );
}

function inputBuckets(reported: JsonObject): Buckets {
  const details = asObject(reported.prompt_tokens_details) ?? {};
  const { prompt_cache_hit_tokens: hit, cached_tokens: cached, num_cached_tokens: counted } = reported;
  const read = [details.cached_tokens, hit, cached, counted];
  const written = [details.cache_write_tokens, details.cache_creation_tokens];
  const isContradicted = isGarbled(...read, ...written, details.audio_tokens, details.image_tokens);
  const inputTotal = isContradicted ? undefined : asCount(reported.prompt_tokens);
  const inputCacheRead = firstCount(...read);
  const inputCacheWrite5m = firstCount(...written);
  const inputAudio = asCount(details.audio_tokens);
  const inputImage = asCount(details.image_tokens);
  const cache = { inputTotal, inputCacheRead, inputCacheWrite5m };
  if (inputCacheRead === undefined) return { ...cache, inputAudio, inputImage };
  const uncached = rest(inputTotal, inputCacheRead, inputCacheWrite5m);
  const inputUncached = rest(uncached, inputAudio, inputImage);
  // Sound and pictures that were read from the cache are counted there.
  return inputUncached === undefined
    ? { ...cache, inputUncached: uncached }
    : { ...cache, inputUncached, inputAudio, inputImage };
}

function outputBuckets(reported: JsonObject): Buckets {
  const details = asObject(reported.completion_tokens_details) ?? {};
  const { reasoning_tokens: reasoning, audio_tokens: audio, image_tokens: image } = details;
  const isContradicted = isGarbled(reported.total_tokens, reasoning, audio, image);
  const completion = isContradicted ? undefined : asCount(reported.completion_tokens);
  const outputReasoning = asCount(reasoning);
  const outputAudio = asCount(audio);
  const outputImage = asCount(image);
  const hidden = rest(asCount(reported.total_tokens), asCount(reported.prompt_tokens), completion) ?? 0;
  const outputTotal = completion === undefined ? undefined : completion + hidden;
  const isTold = outputReasoning !== undefined && (hidden === 0 || hidden === outputReasoning);
  const outputText = isTold ? rest(outputTotal, outputReasoning, outputAudio, outputImage) : undefined;
  return { outputTotal, outputText, outputReasoning, outputAudio, outputImage };
}
