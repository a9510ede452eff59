import { unknownUsage } from "../../contract/usage.ts";
import { type Usage, UsageSource } from "../../gen/execution/v1/usage_pb.js";
import type { ScriptedUsage } from "./script.ts";
import { countTokens, type InputTokens, MEDIA_TOKENS } from "./tokens.ts";

/** Counts what an answer has used while it is played. */
export interface OutputCounter {
  text(piece: string): void;
  reasoning(piece: string): void;
  audio(transcript: string): void;
  image(): void;
  /** A run of a provider's tool, billed beside tokens. */
  extra(name: string): void;
  /** All of it, with the input. */
  total(input: InputTokens): ScriptedUsage;
}

/** Creates a counter at zero. */
export function createOutputCounter(): OutputCounter {
  const output = { text: 0, reasoning: 0, audio: 0, image: 0 };
  const extras = new Map<string, number>();
  return {
    text: (piece) => {
      output.text += countTokens(piece);
    },
    reasoning: (piece) => {
      output.reasoning += countTokens(piece);
    },
    audio: (transcript) => {
      output.audio += countTokens(transcript);
    },
    image: () => {
      output.image += MEDIA_TOKENS;
    },
    extra: (name) => {
      extras.set(name, (extras.get(name) ?? 0) + 1);
    },
    total: (input) => ({
      input_total: input.text + input.image + input.audio + input.cached,
      output_total: output.text + output.reasoning + output.audio + output.image,
      input_uncached: input.text,
      output_text: output.text,
      ...(input.cached > 0 ? { input_cache_read: input.cached } : {}),
      ...(input.image > 0 ? { input_image: input.image } : {}),
      ...(input.audio > 0 ? { input_audio: input.audio } : {}),
      ...(output.reasoning > 0 ? { output_reasoning: output.reasoning } : {}),
      ...(output.audio > 0 ? { output_audio: output.audio } : {}),
      ...(output.image > 0 ? { output_image: output.image } : {}),
      ...(extras.size > 0 ? { extras: [...extras].map(([name, quantity]) => ({ name, quantity })) } : {}),
    }),
  };
}

/** The contract's usage of a scripted one. The mock is the provider, so the source is PROVIDER; its own object goes with the final usage. */
export function toUsage(scripted: ScriptedUsage, final: boolean): Usage {
  const { final: _, extras, ...buckets } = scripted;
  const usage = unknownUsage();
  usage.source = UsageSource.PROVIDER;
  usage.extras = (extras ?? []).map(({ name, quantity }) => ({
    $typeName: "execution.v1.BilledExtra",
    name,
    quantity,
  }));
  if (final) usage.providerUsageJson = JSON.stringify({ ...buckets, ...(extras === undefined ? {} : { extras }) });
  for (const [name, field] of BUCKETS) {
    const tokens = buckets[name];
    if (tokens !== undefined) usage[field] = tokens;
  }
  return usage;
}

const BUCKETS = [
  ["input_total", "inputTotal"],
  ["output_total", "outputTotal"],
  ["input_uncached", "inputUncached"],
  ["input_cache_read", "inputCacheRead"],
  ["input_cache_write_5m", "inputCacheWrite5m"],
  ["input_cache_write_1h", "inputCacheWrite1h"],
  ["output_text", "outputText"],
  ["output_reasoning", "outputReasoning"],
  ["input_audio", "inputAudio"],
  ["output_audio", "outputAudio"],
  ["input_image", "inputImage"],
  ["output_image", "outputImage"],
] as const;
