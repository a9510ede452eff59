/** Fields of a ChatRequest that only hint, and that the wire has a field for: a model without one gets the request without it, and a warning. */
export const HINT_FIELDS = [
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "logprobs",
  "service_tier",
] as const;

/** One of `HINT_FIELDS`. */
export type HintField = (typeof HINT_FIELDS)[number];

/** How much a model of Gemini 3 thinks, in the wire's words, least first. */
export const THINKING_LEVELS = ["minimal", "low", "medium", "high"] as const;

/** One of `THINKING_LEVELS`. */
export type ThinkingLevel = (typeof THINKING_LEVELS)[number];

/** Which of Google's servers is spoken to: the Gemini API, or Vertex AI (now the Gemini Enterprise Agent Platform). */
export type Surface = "gemini_api" | "vertex";

/**
 * Peculiarities of a server or model behind `generateContent`, as data. The surface gives a preset, the model's name what is known of it; the
 * configuration's `quirks` of the instance, then of the model, override single fields. In the configuration the keys are in snake case.
 */
export interface Quirks {
  readonly surface: Surface;
  /** Header that carries the API key: as it is, or as `Authorization: Bearer KEY` (an OAuth access token). */
  readonly authHeader: "x-goog-api-key" | "authorization";
  /** Whether the provider is asked to stream. */
  readonly stream: boolean;
  /** How a stream is asked for: as server-sent events (`alt=sse`), or as the JSON array that comes without it. */
  readonly streamFraming: "events" | "array";
  /**
   * How JSON Schemas are sent: as they are (`parametersJsonSchema`, `responseJsonSchema`), or as the OpenAPI subset of the older fields
   * (`parameters`, `responseSchema`).
   */
  readonly schemas: "json_schema" | "openapi";
  /** How thinking is dosed: by `thinkingLevel` (Gemini 3), by `thinkingBudget` (2.5), or not at all. */
  readonly thinking: "level" | "budget" | "none";
  /** Levels the model knows, least first. */
  readonly thinkingLevels: readonly ThinkingLevel[];
  /** Whether a budget of 0 switches thinking off. */
  readonly thinkingOff: boolean;
  /** Whether the function calling mode VALIDATED exists: functions or text, and arguments that follow their schema. */
  readonly validatedMode: boolean;
  /** Whether arguments of a call can be streamed as they are made (`streamFunctionCallArguments`). */
  readonly streamArguments: boolean;
  /** Whether server-side tools beside functions have to be asked for with `includeServerSideToolInvocations`. */
  readonly serverToolCalls: boolean;
  /** Whether results of functions may hold images and documents (`functionResponse.parts`). */
  readonly toolResultMedia: boolean;
  /** Whether the provider fetches URLs of images, documents and sound (`fileData.fileUri`). */
  readonly fetchesUrls: boolean;
  /** Tools the provider runs, in the wire's words. */
  readonly providerTools: readonly string[];
  /** Hints the model does not take. */
  readonly ignores: readonly HintField[];
  /** Fields that `provider_options_json` may set, by their path in the body (`generationConfig.mediaResolution`). */
  readonly options: readonly string[];
}
