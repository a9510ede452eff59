import type { JsonValue } from "../../emulators/exchange.ts";
import { type FiguresReader, numberAt } from "../../support/compare-chat.ts";

/**
 * The figures of a Messages API usage: input is what was new, read from the cache and written to it; a compaction is a pass of its own that the
 * other figures leave out; thinking is a part of the output.
 */
export const messagesFigures: FiguresReader = (reported) => {
  const passes = [reported, ...iterationsOf(reported).filter((pass) => wordAt(pass, "type") === "compaction")];
  const total = (...fields: readonly string[]): number =>
    passes
      .flatMap((pass) => fields.map((field) => numberAt(pass, field) ?? 0))
      .reduce((sum, tokens) => sum + tokens, 0);
  const cacheRead = numberAt(reported, "cache_read_input_tokens");
  return {
    inputTotal: total("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    inputUncached: total("input_tokens"),
    inputCacheRead: cacheRead === null ? null : total("cache_read_input_tokens"),
    inputCacheWrite5m:
      numberAt(reported, "cache_creation", "ephemeral_5m_input_tokens") ??
      numberAt(reported, "cache_creation_input_tokens"),
    inputCacheWrite1h: numberAt(reported, "cache_creation", "ephemeral_1h_input_tokens"),
    outputTotal: total("output_tokens"),
    outputReasoning: numberAt(reported, "output_tokens_details", "thinking_tokens"),
  };
};

function iterationsOf(reported: JsonValue): readonly JsonValue[] {
  const { iterations } = reported as { readonly iterations?: readonly JsonValue[] | null };
  return iterations ?? [];
}

function wordAt(value: JsonValue, field: string): unknown {
  return (value as Record<string, unknown>)[field];
}
