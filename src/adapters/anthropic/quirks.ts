/** An effort in the words of `output_config.effort`, least first. */
export const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;

/** One of `EFFORTS`. */
export type Effort = (typeof EFFORTS)[number];

/**
 * Peculiarities of a server that speaks Anthropic's messages and of the model behind it, as data. What is known of a model gives them by its
 * name; the configuration's `quirks` of the instance, then of the model, override single fields. In the configuration the keys are in snake
 * case (`auth_header`).
 */
export interface Quirks {
  /** Header that carries the API key: `x-api-key: KEY`, or `Authorization: Bearer KEY`. */
  readonly authHeader: "x-api-key" | "authorization";
  /** Whether the provider is asked to stream. */
  readonly stream: boolean;
  /** Betas to ask for in `anthropic-beta`, beside those a request's own features need. */
  readonly betas: readonly string[];
  /** The bound of the output where a request sets none: the wire demands one. */
  readonly maxTokens: number;
  /** Kinds of thinking the model can be asked for: that it decides how much (`adaptive`), or a budget (`enabled`). Empty: it cannot think. */
  readonly thinking: readonly ("adaptive" | "enabled")[];
  /** Whether it thinks when it is not asked to. */
  readonly thinksByDefault: boolean;
  /** The `type` that switches thinking off; `omit` where leaving `thinking` out does, `never` where nothing does. */
  readonly thinkingOff: "disabled" | "between_tools" | "omit" | "never";
  /** The highest effort it takes while thinking is off. */
  readonly effortWithoutThinking: Effort;
  /** Values of `output_config.effort` it takes, least first. Empty: it takes no effort. */
  readonly efforts: readonly Effort[];
  /** What it takes of temperature, top_p and top_k: all of them, not temperature and top_p together, or none. */
  readonly sampling: "free" | "one_of" | "none";
  /** Whether it continues a last assistant message. */
  readonly prefill: boolean;
  /** Whether it can be made to call a tool. */
  readonly forcedTools: boolean;
  /** Whether instructions may stand between the other messages. */
  readonly systemMessages: boolean;
  /** Top-level fields of the body that `provider_options_json` may set. */
  readonly options: readonly string[];
}
