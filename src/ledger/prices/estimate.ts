import { divideUp } from "../../contract/money.ts";
import { unknownUsage } from "../../contract/usage.ts";
import type { ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { costOf } from "./cost.ts";
import { type InputSize, sizeInput } from "./input-size.ts";
import type { CostBound, CostEstimate, Price, RateName, Rates } from "./types.ts";

/** Tokens an answer is expected to have, unless the request allows fewer. */
const expectedOutputTokens = 500;

const INPUT_RATES: readonly RateName[] = ["input", "inputCacheRead", "inputCacheWrite5m", "inputImage"];
const OUTPUT_RATES: readonly RateName[] = ["output", "outputReasoning", "outputAudio", "outputImage"];

/**
 * What a request may cost on a model.
 *
 * Expected: its input by `sizeInput` as text that no cache knows, and 500 tokens of output or the request's maximum if that is less, in the
 * tier it asks for. Worst: the most tokens its input can have, the model's context window at most, and as many tokens of output as the
 * request or the model allows, each at the dearest rate that may apply. Without a bound on either there is no worst cost, and so there is none
 * with tools that the provider runs, or with options of its own, which may bring such tools: they read what they like, and are billed beside
 * tokens. There is none either in a tier without a price.
 */
export function estimate(price: Price, request: ChatRequest, model: ModelCapabilities): CostEstimate {
  if (price.free) return { expectedNanoUsd: 0n, worstNanoUsd: 0n };
  const input = sizeInput(request);
  const outputTokens = least(request.sampling?.maxOutputTokens, model.maxOutputTokens);
  const expected = expectedCost(price, input, Math.min(expectedOutputTokens, outputTokens ?? expectedOutputTokens));
  const inputTokens = least(input.most, model.contextWindow);
  const isBounded = inputTokens !== undefined && outputTokens !== undefined && !input.isOpen;
  const rates = isBounded ? worstRates(price, { ...input, most: inputTokens }) : undefined;
  const worst = rates === undefined || outputTokens === undefined ? undefined : costOfMost(rates, outputTokens);
  return {
    ...(expected === undefined ? {} : { expectedNanoUsd: expected }),
    ...(worst === undefined ? {} : { worstNanoUsd: worst }),
  };
}

function expectedCost(price: Price, { expected }: InputSize, outputTokens: number): bigint | undefined {
  const usage = { ...unknownUsage(), inputTotal: expected, outputTotal: outputTokens };
  const fee = price.tiers.get("")?.[0]?.requestFees[0];
  const extras = fee === undefined ? [] : [{ $typeName: "execution.v1.BilledExtra" as const, name: fee, quantity: 1 }];
  return costOf(price, { ...usage, extras });
}

/**
 * What a request may cost at most, at the dearest rate of any tier it may be served in: undefined if it has no price there. Input that has no bound of
 * its own is bounded by the model's context window alone, and where that is not known it counts as expected: what tools of the provider read, and files.
 */
export function bound(price: Price, request: ChatRequest, model: ModelCapabilities): CostBound | undefined {
  if (price.free) return { inputNanoUsd: 0n, outputTokenNanoUsd: 0n };
  const input = sizeInput(request);
  const most = least(input.most, model.contextWindow) ?? input.expected;
  const rates = worstRates(price, { ...input, most });
  if (rates === undefined) return undefined;
  return {
    inputNanoUsd: costOfMost(rates, 0),
    outputTokenNanoUsd: divideUp(rates.output, 1_000_000n),
  };
}

/** The dearest of all rates of all tiers the request may be served in. */
interface WorstRates {
  readonly inputTokens: number;
  readonly input: bigint;
  readonly output: bigint;
  /** Billed once. */
  readonly fee: bigint;
}

function costOfMost({ inputTokens, input, output, fee }: WorstRates, outputTokens: number): bigint {
  return divideUp(BigInt(inputTokens) * input + BigInt(outputTokens) * output, 1_000_000n) + fee;
}

function worstRates(
  price: Price,
  { most, hasAudio, hasLongCache }: InputSize & { readonly most: number },
): WorstRates | undefined {
  const possible = tiersOf(price)?.flatMap((rates) => rates.filter(({ inputOver }) => most >= inputOver));
  if (possible === undefined) return undefined;
  const inputRates = [
    ...INPUT_RATES,
    ...(hasAudio ? (["inputAudio"] as const) : []),
    ...(hasLongCache ? (["inputCacheWrite1h"] as const) : []),
  ];
  const input = dearest(possible, inputRates);
  const output = dearest(possible, OUTPUT_RATES);
  if (input === undefined || output === undefined) return undefined;
  const fees = possible.flatMap(({ requestFees, extras }) => requestFees.map((name) => extras.get(name)));
  return { inputTokens: most, input, output, fee: largest(fees) ?? 0n };
}

/**
 * The tiers a request may be served in: one that names none, or `auto`, leaves it to the provider, and a named one may fall back. Undefined if
 * the one that is named has no price.
 */
function tiersOf({ tiers, tierWords, askedTier }: Price): readonly (readonly Rates[])[] | undefined {
  if (askedTier === "" || askedTier === "auto") return [...tiers.values()];
  const asked = tierWords.get(askedTier) ?? askedTier;
  if (!tiers.has(asked)) return undefined;
  return [...new Set(["", asked])].map((tier) => tiers.get(tier) ?? []);
}

function dearest(possible: readonly Rates[], names: readonly RateName[]): bigint | undefined {
  return largest(possible.flatMap(({ tokens }) => names.map((name) => tokens[name])));
}

function largest(values: readonly (bigint | undefined)[]): bigint | undefined {
  let highest: bigint | undefined;
  for (const value of values) {
    if (value !== undefined && (highest === undefined || value > highest)) highest = value;
  }
  return highest;
}

function least(...bounds: readonly (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound): bound is number => bound !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
