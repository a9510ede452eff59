import type { PriceQuestion } from "./reference.ts";

/** Where a source is known to say something else than our tables, or nothing, and why. */
export interface KnownDifference {
  /** Name of the source. */
  readonly source: string;
  readonly vendor: string;
  readonly model: string;
  /** The bucket; `*` is any. */
  readonly what: string;
  /** Input tokens above which it differs. Absent: whatever the input. */
  readonly inputOver?: number;
  readonly reason: string;
}

/** The reason of the first known difference that a price of a source falls under; undefined if there is none. */
export function knownReason(
  known: readonly KnownDifference[],
  source: string,
  question: PriceQuestion,
): string | undefined {
  return known.find((difference) => difference.source === source && isUnder(difference, question))?.reason;
}

/** True if a price falls under a known difference. */
export function isUnder({ vendor, model, what, inputOver = 0 }: KnownDifference, question: PriceQuestion): boolean {
  return (
    vendor === question.vendor &&
    model === question.model &&
    (what === "*" || what === question.what) &&
    question.input > inputOver
  );
}

function named(
  source: string,
  rows: readonly (readonly [vendor: string, model: string, what: string, reason: string])[],
) {
  return rows.map(([vendor, model, what, reason]) => ({ source, vendor, model, what, reason }));
}

/** Names that go on serving another model, at its price. */
const RETIRED_GROK = [
  ...["grok-4-1-fast", "grok-4-1-fast-reasoning", "grok-4-1-fast-non-reasoning"],
  ...["grok-4-fast", "grok-4-fast-reasoning", "grok-4-fast-non-reasoning"],
  ...["grok-4", "grok-4-0709", "grok-3", "grok-code-fast-1", "grok-code-fast"],
];

/** Every known difference, by source. Each is needed by the data that the source's name says. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    source: "genai-prices",
    vendor: "anthropic",
    model: "claude-sonnet-4-5",
    what: "*",
    inputOver: 200_000,
    reason: "there the price of the 1M beta, which the platform never asked for",
  },
  ...named("genai-prices", [
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
    ...RETIRED_GROK.map((model) => ["xai", model, "*", "there the price before xAI retired it in May 2026"] as const),
  ]),
  ...named("litellm", [
    ["vertex", "gemini-2.5-flash", "inputAudio", "there sound of long inputs is billed as text; Google lists $1"],
    ["vertex", "gemini-2.5-flash-lite", "inputAudio", "there sound in batches and at flex is billed as text"],
    ["perplexity", "sonar-reasoning", "search_context_high", "there $14 a thousand; the other sources have $12"],
  ]),
];
