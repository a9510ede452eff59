/** Fields of the body that the contract owns, whichever of them a vendor knows. */
const OWNED = [
  ...["model", "messages", "stream", "stream_options", "n", "tools", "tool_choice", "functions", "function_call"],
  ...["parallel_tool_calls", "response_format", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k"],
  ...["min_p", "stop", "seed", "random_seed", "frequency_penalty", "presence_penalty", "repetition_penalty"],
  ...["logit_bias", "logprobs", "top_logprobs", "reasoning", "reasoning_effort", "thinking", "enable_thinking"],
  ...["thinking_budget", "verbosity", "modalities", "audio", "user", "safety_identifier", "user_id", "metadata"],
  ...["store", "prompt_cache_key"],
];

/** Fields that change who is paid, or how much. */
const PRICED = ["service_tier", "web_search_options", "provider", "models", "plugins", "route", "prediction"];

/** Fields of the body that `provider_options_json` may set nowhere, whatever is configured. */
export const NEVER_OPTIONS: readonly string[] = [...OWNED, ...PRICED];
