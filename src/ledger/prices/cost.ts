import { divideUp, withinInt64 } from "../../contract/money.ts";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import type { Price, Rates } from "./types.ts";

/** Rates are per this many tokens. */
const tokensPerRate = 1_000_000n;

/** How many tokens, or units, cost how much each; undefined where that is not known. */
type Charge = readonly [quantity: number, rate: bigint | undefined];

/**
 * What a usage costs in nano-USD, rounded up once over all of it. Undefined if that is not known: a total is missing or less than its parts,
 * the tier it was served in has no price, something was used that has none, or it is more than an amount can hold.
 *
 * Every bucket has its own rate, else:
 * - tokens the provider does not tell apart are text;
 * - read from a cache, written to one (5 minutes), images in: the rate of input, which is what vendors bill who have no rate of their own;
 * - reasoning: the rate of output;
 * - written to a cache for an hour, sound in and out, images out, and what is billed beside tokens: not known, since where it is billed it is
 *   dearer than text.
 */
export function costOf(price: Price, usage: Usage): bigint | undefined {
  if (price.free) return 0n;
  const rates = ratesFor(price, usage.serviceTier, usage.inputTotal ?? 0);
  return rates === undefined ? undefined : costAt(rates, usage);
}

/** The rates of a tier at an input of so many tokens; undefined if the tier has no price. */
export function ratesFor(price: Price, servedTier: string, inputTokens: number): Rates | undefined {
  return price.tiers
    .get(tierOf(price, servedTier))
    ?.find(({ inputOver }) => inputOver === 0 || inputTokens > inputOver);
}

/** The tier that counts: the one the provider says it served, else the one asked for; empty for the vendor's standard one. */
function tierOf({ askedTier, tierWords }: Price, servedTier: string): string {
  const word = servedTier === "" ? askedTier : servedTier;
  return tierWords.get(word) ?? word;
}

/** What a usage costs at given rates. */
function costAt(rates: Rates, usage: Usage): bigint | undefined {
  const charges = [...inputCharges(rates, usage), ...outputCharges(rates, usage), ...extraCharges(rates, usage)];
  let sum = 0n;
  for (const [quantity, rate] of charges) {
    if (quantity === 0) continue;
    if (rate === undefined) return undefined;
    sum += BigInt(quantity) * rate;
  }
  return withinInt64(divideUp(sum, tokensPerRate));
}

function inputCharges({ tokens }: Rates, usage: Usage): readonly Charge[] {
  const { inputTotal, inputCacheRead = 0, inputCacheWrite5m = 0, inputCacheWrite1h = 0 } = usage;
  const { inputAudio = 0, inputImage = 0 } = usage;
  if (inputTotal === undefined) return tokens.input === undefined ? [] : [notKnown];
  const text = inputTotal - inputCacheRead - inputCacheWrite5m - inputCacheWrite1h - inputAudio - inputImage;
  if (text < 0) return [notKnown];
  return [
    [text, tokens.input],
    [inputCacheRead, tokens.inputCacheRead ?? tokens.input],
    [inputCacheWrite5m, tokens.inputCacheWrite5m ?? tokens.input],
    [inputCacheWrite1h, tokens.inputCacheWrite1h],
    [inputAudio, tokens.inputAudio],
    [inputImage, tokens.inputImage ?? tokens.input],
  ];
}

function outputCharges({ tokens }: Rates, usage: Usage): readonly Charge[] {
  const { outputTotal, outputReasoning = 0, outputAudio = 0, outputImage = 0 } = usage;
  if (outputTotal === undefined) return tokens.output === undefined ? [] : [notKnown];
  const text = outputTotal - outputReasoning - outputAudio - outputImage;
  if (text < 0) return [notKnown];
  return [
    [text, tokens.output],
    [outputReasoning, tokens.outputReasoning ?? tokens.output],
    [outputAudio, tokens.outputAudio],
    [outputImage, tokens.outputImage],
  ];
}

function extraCharges({ extras }: Rates, usage: Usage): readonly Charge[] {
  return usage.extras.map(({ name, quantity }) => {
    const rate = extras.get(name);
    return [quantity, rate === undefined ? undefined : rate * tokensPerRate];
  });
}

/** Something was used, and how much is not known. */
const notKnown: Charge = [1, undefined];
