import type { AnswerException, RecordedFailure } from "../shared/recorded-wire.ts";
import type { SdkException } from "../shared/sdk-reading.ts";

/** Answers of the Messages API that are read otherwise than the recordings' own extractor reads them. */
export const ANSWER_EXCEPTIONS: readonly AnswerException[] = [];

/** Answers that the official SDK reads otherwise. */
export const SDK_EXCEPTIONS: readonly SdkException[] = [
  {
    dir: "anthropic/anthropic-messages/incomplete-partial-json-response-8b7fc",
    field: "toolCalls",
    reason: "the input was cut off by max_tokens; the SDK mends what there is of it, we give it as it came",
  },
];

const REJECTED = { reason: "PROVIDER_REJECTED", code: "INVALID_ARGUMENT" } as const;
const AUTH = { reason: "PROVIDER_AUTH", code: "UNAVAILABLE" } as const;
const MODEL_GONE = { reason: "PROVIDER_MODEL_GONE", code: "UNAVAILABLE" } as const;
const OVERLOADED = { reason: "PROVIDER_OVERLOADED", code: "UNAVAILABLE" } as const;

/**
 * Every recorded failure of the Messages API, with its row of the error table worked out by hand from the recorded body. The spliced ones are
 * `error` events after HTTP 200, one after text and one within a tool call.
 */
export const RECORDED_FAILURES: readonly RecordedFailure[] = [
  { dir: "anthropic/anthropic-messages/anthropic-completion-error-e1e2e", ...REJECTED },
  {
    dir: "anthropic/anthropic-messages/chat-error-handling-with-anthropic-claude-haiku-4-5-raises-appropriate-auth-error-c73a6",
    ...AUTH,
  },
  { dir: "anthropic/anthropic-messages/claude-agent-sdk-v1-messages-beta-true-post-3f7425c4-7873b", ...AUTH },
  { dir: "anthropic/anthropic-messages/documented-529-overloaded-shared", ...OVERLOADED },
  { dir: "anthropic/anthropic-messages/spliced-midstream-overloaded-text-shared", ...OVERLOADED },
  { dir: "anthropic/anthropic-messages/spliced-midstream-overloaded-tool-shared", ...OVERLOADED },
  {
    dir: "anthropic/anthropic-messages/test-anthropic-explicit-effort-xhigh-unsupported-model-errors-1f2ed",
    ...REJECTED,
  },
  { dir: "anthropic/anthropic-messages/test-model-name-suggestion-anthropic-e13ab", ...MODEL_GONE },
];
