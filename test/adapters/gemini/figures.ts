import { type FiguresReader, numberAt } from "../../support/compare-chat.ts";

/**
 * The figures of a `usageMetadata`. The prompt and what the provider's tools added are the input; the candidates and the thoughts are the output; a
 * count that is 0 is left out, and the total is the sum of the four.
 */
export const geminiFigures: FiguresReader = (reported) => {
  const at = (name: string): number | null => numberAt(reported, name);
  const total = at("totalTokenCount");
  const prompt = at("promptTokenCount");
  const input = prompt === null ? null : prompt + (at("toolUsePromptTokenCount") ?? 0);
  return {
    inputTotal: input,
    outputTotal: total === null || input === null ? null : total - input,
    inputCacheRead: at("cachedContentTokenCount"),
    outputReasoning: at("thoughtsTokenCount"),
  };
};
