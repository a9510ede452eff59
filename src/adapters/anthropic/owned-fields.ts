/** Fields of the body that the contract owns. */
const OWNED = [
  ...["model", "messages", "system", "max_tokens", "metadata", "stop_sequences", "stream", "temperature", "top_p"],
  ...["top_k", "thinking", "output_config", "output_format", "tools", "tool_choice", "cache_control"],
];

/** Fields that change the price. */
const PRICED = ["service_tier", "speed", "inference_geo", "fallbacks"];

/** Fields of the body that `provider_options_json` may set nowhere, whatever is configured. */
export const NEVER_OPTIONS: readonly string[] = [...OWNED, ...PRICED];
