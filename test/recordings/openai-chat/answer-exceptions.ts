import type { AnswerException, RecordedFailure } from "../shared/recorded-wire.ts";
import type { SdkException } from "../shared/sdk-reading.ts";

/** Answers of chat completions that are read otherwise than the recordings' own extractor reads them. */
export const ANSWER_EXCEPTIONS: readonly AnswerException[] = [
  {
    dir: "groq/openai-chat/testtokencounts-test-groq-3c201",
    field: "usage",
    reason: "Groq sent the usage in `x_groq` alone, where the extractor does not look; ours is that object",
  },
  {
    dir: "openrouter/openai-chat/chat-web-search-with-openrouter-openai-gpt-5-2-searches-transparently-returning-citations--1e275",
    field: "reasoning",
    reason:
      "`reasoning` is null and the readable summaries are in `reasoning_details`, where the extractor does not look",
  },
];

/** Answers that the official SDK reads otherwise. */
export const SDK_EXCEPTIONS: readonly SdkException[] = [
  {
    dir: "groq/openai-chat/testtokencounts-test-groq-3c201",
    field: "usage",
    reason: "Groq sent the usage in `x_groq` alone, where the SDK's types have no place for it",
  },
];

const REJECTED = { reason: "PROVIDER_REJECTED", code: "INVALID_ARGUMENT" } as const;
const TOO_LONG = { reason: "CONTEXT_TOO_LONG", code: "INVALID_ARGUMENT" } as const;
const AUTH = { reason: "PROVIDER_AUTH", code: "UNAVAILABLE" } as const;
const MODEL_GONE = { reason: "PROVIDER_MODEL_GONE", code: "UNAVAILABLE" } as const;
const MODEL_ERROR = { reason: "PROVIDER_MODEL_ERROR", code: "UNAVAILABLE" } as const;
const RATE_LIMITED = { reason: "PROVIDER_RATE_LIMITED", code: "RESOURCE_EXHAUSTED" } as const;

/**
 * Every recorded failure of chat completions, with its row of the error table worked out by hand from the recorded body. A 404 that says the
 * model is none for chat is of the model, not of the request: another candidate may serve it.
 */
export const RECORDED_FAILURES: readonly RecordedFailure[] = [
  {
    dir: "azure/openai-chat/chat-error-handling-with-azure-grok-4-1-fast-non-reasoning-raises-appropriate-auth-error-7bfb4",
    ...AUTH,
  },
  { dir: "azure/openai-chat/test-chat-reasoning-0e715-s2of4", ...MODEL_GONE },
  {
    dir: "deepseek/openai-chat/chat-error-handling-with-deepseek-deepseek-chat-raises-appropriate-auth-error-90325",
    ...AUTH,
  },
  {
    dir: "deepseek/openai-chat/chat-real-error-scenarios-deepseek-deepseek-chat-handles-context-length-exceeded-errors-76d07",
    ...TOO_LONG,
  },
  { dir: "groq/openai-chat/test-model-name-suggestion-groq-24c6c", ...MODEL_GONE },
  { dir: "groq/openai-chat/test-tool-regular-error-eeaf5", ...MODEL_GONE },
  { dir: "groq/openai-chat/test-tool-use-failed-error-446bb-s1of3", ...MODEL_ERROR },
  { dir: "groq/openai-chat/test-tool-use-failed-error-streaming-with-text-911e1-s1of2", ...MODEL_ERROR },
  { dir: "groq/openai-chat/test-tool-use-failed-error-with-text-edbfb-s1of2", ...MODEL_ERROR },
  {
    dir: "mistral/openai-chat/chat-error-handling-with-mistral-mistral-small-latest-raises-appropriate-auth-error-d9c15",
    ...AUTH,
  },
  {
    dir: "ollama/openai-chat/chat-error-handling-with-ollama-cloud-gpt-oss-120b-raises-appropriate-auth-error-162e8",
    ...AUTH,
  },
  {
    dir: "ollama/openai-chat/chat-real-error-scenarios-ollama-cloud-gpt-oss-120b-handles-context-length-exceeded-errors-70b40",
    ...TOO_LONG,
  },
  { dir: "openai/openai-chat/chat-bad-request-6773d", ...REJECTED },
  { dir: "openai/openai-chat/chat-no-messages-47964", ...REJECTED },
  { dir: "openai/openai-chat/chat-unknown-model-a96af", ...MODEL_GONE },
  { dir: "openai/openai-chat/documented-429-rate_limit_exceeded", ...RATE_LIMITED, retryAfterMs: 1400 },
  { dir: "openai/openai-chat/openai-chat-completions-post-917478d0-1eb80", ...MODEL_GONE },
  {
    dir: "openai/openai-chat/test-async-pipeline-with-chat-prompt-builder-and-chat-generator-produces-expected-spans-7a0df-s12of12",
    ...AUTH,
  },
  { dir: "openai/openai-chat/test-chat-with-model-not-found-79427", ...MODEL_GONE },
  { dir: "openai/openai-chat/test-error-status-code-and-exception-events-with-invalid-api-key-c79c3", ...AUTH },
  { dir: "openai/openai-chat/test-vision-078e1-s3of3", ...REJECTED },
  {
    dir: "openrouter/openai-chat/chat-real-error-scenarios-openrouter-claude-haiku-4-5-handles-context-length-exceeded-erro-afe1d",
    ...TOO_LONG,
  },
  { dir: "openrouter/openai-chat/test-openrouter-errors-raised-fbb0e-s1of3", ...RATE_LIMITED },
  { dir: "openrouter/openai-chat/test-openrouter-stream-error-09d40", ...REJECTED },
];
