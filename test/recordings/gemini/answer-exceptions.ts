import type { AnswerException, RecordedFailure } from "../shared/recorded-wire.ts";
import type { SdkException } from "../shared/sdk-reading.ts";

/** Answers of generateContent that are read otherwise than the recordings' own extractor reads them. */
export const ANSWER_EXCEPTIONS: readonly AnswerException[] = [];

const REJECTED = { reason: "PROVIDER_REJECTED", code: "INVALID_ARGUMENT" } as const;
const AUTH = { reason: "PROVIDER_AUTH", code: "UNAVAILABLE" } as const;
const PERMISSION = { reason: "PROVIDER_PERMISSION", code: "UNAVAILABLE" } as const;
const MODEL_GONE = { reason: "PROVIDER_MODEL_GONE", code: "UNAVAILABLE" } as const;

/**
 * Every recorded failure of generateContent, with its row of the error table worked out by hand from the recorded body. The tokens of a minute are
 * a limit that passes, though the test that recorded it was about long contexts: the body asks to wait 48 s.
 */
export const RECORDED_FAILURES: readonly RecordedFailure[] = [
  {
    dir: "gemini/gemini-generate/chat-error-handling-with-gemini-gemini-2-5-flash-raises-appropriate-auth-error-851fb",
    ...AUTH,
  },
  {
    dir: "gemini/gemini-generate/chat-real-error-scenarios-gemini-gemini-2-5-flash-handles-context-length-exceeded-errors-ba966",
    reason: "PROVIDER_RATE_LIMITED",
    code: "RESOURCE_EXHAUSTED",
    retryAfterMs: 48_000,
  },
  { dir: "gemini/gemini-generate/test-model-name-suggestion-google-c22de", ...MODEL_GONE },
  { dir: "gemini/gemini-stream/streaming-failure-image-rejected-d1cc9", ...REJECTED },
  { dir: "vertex/gemini-generate/test-generate-content-invalid-role-e1791", ...REJECTED },
  { dir: "vertex/gemini-generate/test-generate-content-invalid-temperature-7d05f", ...REJECTED },
  { dir: "vertex/gemini-generate/test-generate-content-missing-model-16f08", ...MODEL_GONE },
  { dir: "vertex/gemini-generate/unary-failure-context-cache-model-doesnt-match-388d7", ...REJECTED },
  { dir: "vertex/gemini-generate/unary-failure-firebasevertexai-api-not-enabled-4c585", ...PERMISSION },
  { dir: "vertex/gemini-generate/unary-failure-iam-permission-denied-ef411", ...PERMISSION },
  { dir: "vertex/gemini-generate/unary-failure-unknown-model-fc2ce", ...MODEL_GONE },
  { dir: "vertex/gemini-stream/streaming-failure-api-key-42536", ...AUTH },
  // A candidate without content and without a finishReason, and then the end of the body.
  {
    dir: "vertex/gemini-stream/streaming-failure-empty-content-3a096",
    reason: "UPSTREAM_TRUNCATED",
    code: "UNAVAILABLE",
  },
  { dir: "vertex/gemini-stream/streaming-failure-image-rejected-67f5c", ...REJECTED },
  // JSON, but nothing of this wire.
  {
    dir: "vertex/gemini-stream/streaming-failure-invalid-json-499db",
    reason: "PROVIDER_PROTOCOL",
    code: "UNAVAILABLE",
  },
  { dir: "vertex/gemini-stream/streaming-failure-unknown-model-407df", ...MODEL_GONE },
];

const ARRAY = "the stream is an array, and the SDK reads events only";
const ENDLESS = "the SDK takes the end of the body for the end of the answer";

/** Where the official SDK reads otherwise than we do. */
export const SDK_EXCEPTIONS: readonly SdkException[] = [
  { dir: "gemini/gemini-stream/test-nested-model-deep-composition-ac220", field: "error", reason: ARRAY },
  { dir: "gemini/gemini-stream/test-nested-model-direct-reference-d38cf", field: "error", reason: ARRAY },
  { dir: "gemini/gemini-stream/test-prompt-bfaff", field: "error", reason: ARRAY },
  { dir: "gemini/gemini-stream/test-tools-4df65-s2of3", field: "error", reason: ARRAY },
  { dir: "gemini/gemini-stream/test-tools-c1f50-s1of3", field: "error", reason: ARRAY },
  { dir: "gemini/gemini-stream/test-tools-fedde-s3of3", field: "error", reason: ARRAY },
  { dir: "vertex/gemini-stream/test-gemini-token-counts-streaming-a2d47", field: "error", reason: ARRAY },
  { dir: "vertex/gemini-stream/streaming-failure-empty-content-3a096", field: "error", reason: ENDLESS },
  { dir: "vertex/gemini-stream/streaming-failure-invalid-json-499db", field: "error", reason: ENDLESS },
];
