import type { ConversationException, RequestException } from "../shared/recorded-requests.ts";

const ONE_ANSWER = "asks for several answers (n > 1); the contract has one answer a request";

/** Requests that leave unequal or not at all. */
export const REQUEST_EXCEPTIONS: readonly RequestException[] = [
  { id: "completion-multiple-choices-proxy-5816e", takenOut: ["n"], reason: ONE_ANSWER },
  { id: "completion-stream-multiple-choices-proxy-ca118", takenOut: ["n"], reason: ONE_ANSWER },
  { id: "completion-multiple-choices-with-tools-2c498", takenOut: ["n"], reason: ONE_ANSWER },
  { id: "completion-stream-multiple-choices-with-tools-17ac3", takenOut: ["n"], reason: ONE_ANSWER },
  { id: "openai-chat-completions-post-6df851cc-c7844", takenOut: ["n"], reason: ONE_ANSWER },
  {
    id: "testfinishreasondeduplication-test-streaming-deduplicates-finish-reasons-34927-s1of2",
    takenOut: ["n"],
    reason: ONE_ANSWER,
  },
  {
    id: "chat-bad-request-6773d",
    refused: "messages[0].content",
    reason: "is invalid on purpose: a user message without content, no output tokens, a negative temperature",
  },
  { id: "chat-no-messages-47964", refused: "messages", reason: "is invalid on purpose: it has no messages" },
];

const FAILED_GENERATION =
  "the step before it failed with tool_use_failed; the client made a turn of the failed text in the error, and an error folds to nothing";
const SEPARATE = "the recording holds several requests of their own, not a conversation";

/** Steps whose turn cannot come from the folded events. Steps whose predecessor was not recorded are listed by the test itself. */
export const CONVERSATION_EXCEPTIONS: readonly ConversationException[] = [
  { id: "test-chat-reasoning-0e715-s2of4", kind: "own request", reason: SEPARATE },
  {
    id: "chat-streaming-responses-ollama-cloud-gpt-oss-120b-reports-consistent-token-counts-compare-6fb40-s2of2",
    kind: "own request",
    reason: SEPARATE,
  },
  { id: "test-openrouter-cache-all-settings-real-api-919d7-s3of3", kind: "own request", reason: SEPARATE },
  { id: "test-tool-use-failed-error-e2707-s2of3", kind: "no answer", reason: FAILED_GENERATION },
  { id: "test-tool-use-failed-error-streaming-with-text-e05ed-s2of2", kind: "no answer", reason: FAILED_GENERATION },
  { id: "test-tool-use-failed-error-with-text-01091-s2of2", kind: "no answer", reason: FAILED_GENERATION },
  {
    id: "test-tool-use-failed-error-75f19-s3of3",
    kind: "unequal",
    paths: ["messages[4].content", "messages[4].reasoning"],
    reason: "the client wrote the reasoning into the content between <think> marks; ours goes back in its field",
  },
  {
    id: "test-compatible-api-with-tool-calls-without-id-09941-s2of2",
    kind: "unequal",
    paths: ["messages[1].extra_content", "messages[1].tool_calls[0].id"],
    reason: "the provider gave the call no id, so each side made its own; the client dropped the thought signature",
  },
  {
    id: "test-openai-agent-and-llm-spans-v1-21779-s2of2",
    kind: "unequal",
    paths: ["messages[3].content", "messages[3].tool_calls"],
    reason: "its history was written by the test and is not the answer recorded before it",
  },
];
