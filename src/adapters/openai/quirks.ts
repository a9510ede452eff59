/** Fields of a ChatRequest that only hint: a server without one gets the request without it, and the caller a warning. */
export const HINT_FIELDS = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "stop",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "logit_bias",
  "logprobs",
  "parallel_tool_calls",
  "verbosity",
  "service_tier",
  "cache_key",
  "store",
  "tool_strict",
] as const;

/** One of `HINT_FIELDS`. */
export type HintField = (typeof HINT_FIELDS)[number];

/** Words of `reasoning_effort`, least first. */
export const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** One of `EFFORTS`. */
export type EffortWord = (typeof EFFORTS)[number];

/**
 * Peculiarities of one server that speaks chat completions, as data. A vendor preset gives them by host name; the configuration's `quirks` of
 * the instance, then of the model, override single fields. In the configuration the keys are in snake case (`end_marker`).
 */
export interface Quirks {
  /** Vendor: owner of the provider state, file ids and options this server understands. */
  readonly vendor: string;
  /** Header that carries the API key: `Authorization: Bearer KEY`, or Azure's `api-key: KEY`. */
  readonly authHeader: "authorization" | "api-key";
  /** Whether the provider is asked to stream. */
  readonly stream: boolean;
  /** How usage is asked for in a stream: by `stream_options.include_usage`, or it comes (or not) by itself. */
  readonly streamUsage: "stream_options" | "always";
  /** What ends a stream: `[DONE]` alone, or a finish_reason followed by `[DONE]` or the clean end of the body. */
  readonly endMarker: "done" | "finish_reason";
  /** Name of the field that bounds the output. */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
  /** Name of the seed field. */
  readonly seedField: "seed" | "random_seed";
  /** The highest temperature it takes; one above becomes this, with a warning. */
  readonly highestTemperature: number;
  /** Role of instructions: as given, or this one role for both system and developer messages. */
  readonly instructionRole: "as_given" | "system" | "developer";
  /**
   * Where reasoning of an earlier turn goes back: these fields of the assistant message, or `thinking_parts` of its content. Empty: nowhere.
   * Answers are read leniently, whatever this says.
   */
  readonly reasoningFields: readonly ("reasoning_content" | "reasoning" | "thinking_parts")[];
  /**
   * How reasoning is asked for: `reasoning_effort`; OpenRouter's `reasoning` object; a `thinking` object, alone or with `reasoning_effort`;
   * `enable_thinking` and `thinking_budget`; or not at all.
   */
  readonly reasoningStyle: "effort" | "openrouter" | "thinking" | "thinking_and_effort" | "enable_thinking" | "none";
  /** Efforts that `reasoning_effort` takes. Another one becomes the next lower, or the lowest, that still reasons. */
  readonly efforts: readonly EffortWord[];
  /** How cache hints of parts and tools are sent; `none` ignores them with a warning. */
  readonly cacheHints: "cache_control" | "prompt_cache_breakpoint" | "none";
  /** Field that marks an assistant message as one to continue; `implicit` where a last assistant message is continued without a mark. */
  readonly prefixField: "prefix" | "partial" | "implicit" | "none";
  /** The provider's word for "at least one tool must be called". */
  readonly requiredWord: "required" | "any";
  /** Whether `tool_choice` takes a list of allowed tools. If not, only those tools are sent. */
  readonly allowedTools: boolean;
  /** Whether a function has to have parameters; one without any is then sent with a schema of none. */
  readonly parametersRequired: boolean;
  /** Whether tools that take free text (`type: custom`) exist. */
  readonly freeFormTools: boolean;
  /** Whether a tool has `eager_input_streaming`. */
  readonly eagerArguments: boolean;
  /** Whether the body takes OpenRouter's `provider`, which picks among its upstreams. */
  readonly upstreamRouting: boolean;
  /** Tools the provider runs: OpenAI's `web_search_options`, entries of `tools` by their type, or none. */
  readonly providerTools: "web_search_options" | "tools" | "none";
  /** Images in user messages: by URL or as bytes, as bytes only, or not at all. */
  readonly images: "url_or_data" | "data" | "none";
  /** How documents are sent: OpenAI's `file` with bytes only, `file` with bytes or a URL, Mistral's `document_url`, or not at all. */
  readonly documents: "file" | "file_or_url" | "document_url" | "none";
  /** Sound in user messages: an object with data and format, the bare base64 text, or not at all. */
  readonly audio: "object" | "text" | "none";
  /** Whether results of tools may hold images and documents. */
  readonly toolResultMedia: boolean;
  /** Kinds of output that `modalities` may ask for. Empty: the server writes text and has no such field. */
  readonly modalities: readonly ("text" | "audio" | "image")[];
  /** Forms of answer the server knows. */
  readonly responseFormats: readonly ("text" | "json_object" | "json_schema")[];
  /** Whether messages carry the name of their participant. */
  readonly participantNames: boolean;
  /** Whether an assistant message has a `refusal` field; if not, a refusal goes back as text. */
  readonly refusalField: boolean;
  /** Whether an assistant message takes its `annotations` (citations) back. */
  readonly annotationsField: boolean;
  /** Field for the end user's id. */
  readonly endUserField: "user" | "safety_identifier" | "user_id" | "none";
  /** Hints the server does not take. */
  readonly ignores: readonly HintField[];
  /** Hints the model takes only while it does not reason (reasoning effort `none`). */
  readonly onlyWithoutReasoning: readonly HintField[];
  /** Whether it reasons when the request asks for no effort in particular. */
  readonly reasonsByDefault: boolean;
  /** Top-level fields of the body that `provider_options_json` may set. */
  readonly options: readonly string[];
}
