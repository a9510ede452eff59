import type { FiguresReader } from "../../support/compare-chat.ts";
import { numberAt } from "../../support/compare-chat.ts";

/**
 * The figures of a chat-completions usage. `completion_tokens` is the output, unless `total_tokens` says that there was more. Vendors name
 * cached input in four ways.
 */
export const chatFigures: FiguresReader = (reported) => {
  const at = (...path: readonly string[]): number | null => numberAt(reported, ...path);
  const input = at("prompt_tokens");
  const completion = at("completion_tokens");
  const rest = (at("total_tokens") ?? 0) - (input ?? 0);
  return {
    inputTotal: input,
    outputTotal: completion === null ? null : Math.max(completion, rest),
    inputCacheRead:
      at("prompt_tokens_details", "cached_tokens") ??
      at("prompt_cache_hit_tokens") ??
      at("cached_tokens") ??
      at("num_cached_tokens"),
    outputReasoning: at("completion_tokens_details", "reasoning_tokens"),
  };
};
