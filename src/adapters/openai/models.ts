/**
 * Peculiarities of one server that speaks chat completions, as data. A vendor preset gives them by host name; the configuration's `quirks` of
 * the instance, then of the model, override single fields.
 */
export interface Quirks {
  /** Vendor: owner of provider state and file ids. */
  readonly vendor: string;
  /** Field of a message that holds reasoning, in answers and in sent-back turns; `none` if it takes none back. */
  readonly reasoningField: "reasoning_content" | "reasoning" | "thinking_parts" | "none";
  /** Whether the provider is asked to stream. */
  readonly stream: boolean;
  /** How usage is asked for in a stream: by `stream_options.include_usage`, or it comes by itself. */
  readonly streamUsage: "stream_options" | "always";
  /** Name of the field that bounds the output. */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
  /** How reasoning is asked for. */
  readonly reasoningStyle: "effort" | "openrouter" | "thinking" | "none";
  /** Name of the seed field. */
  readonly seedField: "seed" | "random_seed";
}
