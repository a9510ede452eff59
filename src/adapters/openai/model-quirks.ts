import { EFFORTS, type HintField, type Quirks } from "./quirks.ts";

const SAMPLING: readonly HintField[] = [
  "temperature",
  "top_p",
  "frequency_penalty",
  "presence_penalty",
  "logit_bias",
  "logprobs",
];
const NEVER_IN_OPENAI: readonly HintField[] = ["top_k", "min_p", "repetition_penalty"];

/**
 * What a vendor's own models do not share with its wire, by their name and only there, where names are its own. OpenAI's (at Azure too): the
 * reasoning models (o-series, gpt-5 and later, gpt-5-chat excepted) take `max_completion_tokens` and refuse sampling fields; gpt-5.1 to gpt-5.x
 * take them while the effort is `none`, which is the default up to gpt-5.4. The search models refuse sampling too. Mistral's: Large 4 takes more
 * efforts than its OpenAPI document lists.
 *
 * Sources: OpenAI's guides on reasoning and on the gpt-5 family's parameter compatibility, the comment on `stop` in its API reference, and
 * vercel/ai `packages/openai/src/openai-language-model-capabilities.ts` (commit 005be60); Mistral's guide on reasoning
 * (docs.mistral.ai/inference/conversations/reasoning).
 */
export function modelQuirks(vendor: string, model: string): Partial<Quirks> {
  if (vendor === "mistral") return /^mistral-large-4/.test(model) ? { efforts: EFFORTS } : {};
  if (vendor !== "openai" && vendor !== "azure") return {};
  if (/-search-(preview|api)/.test(model)) return { ignores: [...NEVER_IN_OPENAI, ...SAMPLING, "seed"] };
  if (/^o\d/.test(model)) {
    return reasoning({ ignores: [...NEVER_IN_OPENAI, ...SAMPLING, "stop", "parallel_tool_calls"] });
  }
  const version = /^gpt-(\d+)(?:\.(\d+))?/.exec(model);
  const major = Number(version?.[1] ?? 0);
  const minor = Number(version?.[2] ?? 0);
  const chat = model.includes("-chat");
  if (major < 5 || (chat && minor === 0)) return {};
  if (major > 5 || minor === 0 || chat) return reasoning({ ignores: [...NEVER_IN_OPENAI, ...SAMPLING, "stop"] });
  return reasoning({
    onlyWithoutReasoning: [...SAMPLING, "stop"],
    reasonsByDefault: minor >= 5,
    ...(minor >= 6 && { cacheHints: "prompt_cache_breakpoint" }),
  });
}

const reasoning = (more: Partial<Quirks>): Partial<Quirks> => ({
  maxTokensField: "max_completion_tokens",
  reasonsByDefault: true,
  ...more,
});
