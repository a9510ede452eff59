import type { ConversationException, RequestException } from "../shared/recorded-requests.ts";

/** Requests that leave unequal or not at all. */
export const REQUEST_EXCEPTIONS: readonly RequestException[] = [
  {
    id: "test-generate-content-invalid-temperature-7d05f",
    refused: "sampling.temperature",
    reason: "is invalid on purpose: a temperature of 1000",
  },
  {
    id: "test-generate-content-invalid-role-e1791",
    unequal: ["contents[0].role"],
    reason: "is invalid on purpose: a role that does not exist, and that no request of the contract can have",
  },
];

const OWN_ID = "the provider gave the call no id, and the client made one; a minted id of ours is not sent";
const COPIED = "the client copied the signature of the first call to the second; ours stays where it came";

/** Steps whose turn cannot come from the folded events. */
export const CONVERSATION_EXCEPTIONS: readonly ConversationException[] = [
  {
    id: "afc-streaming-tests-chat-stream-afc-enabled-google-ai-chat-stream-8521b-s3of3",
    kind: "unequal",
    paths: ["contents[3].parts[0].text"],
    reason: "the client sent each chunk back as a turn of its own; ours is one turn, and the test replaces the first",
  },
  {
    id: "chat-function-calling-gemini-gemini-2-5-flash-can-use-parallel-tool-calls-15282-s2of2",
    kind: "unequal",
    paths: ["contents[1].parts[1].thoughtSignature"],
    reason: COPIED,
  },
  {
    id: "chat-function-calling-vertexai-gemini-2-5-flash-can-handle-multiple-tool-calls-in-a-single-41cd8-s3of3",
    kind: "unequal",
    paths: ["contents[1].parts[1].thoughtSignature"],
    reason: COPIED,
  },
  {
    id: "chat-function-calling-thought-signatures-vertexai-gemini-3-1-pro-preview-includes-thought--3c8c0-s3of3",
    kind: "unequal",
    paths: ["contents[1].parts[0].functionCall.id"],
    reason: "the client dropped the id that the provider gave the call; ours goes back",
  },
  {
    id: "chat-with-extended-thinking-gemini-gemini-3-flash-preview-preserves-thinking-signatures-be-17152-s2of2",
    kind: "unequal",
    paths: ["contents[1].parts"],
    reason: "the client moved the signature from the text to the thought before it; ours stays where it came",
  },
  {
    id: "test-function-tools-with-builtin-tools-0e65a-s2of2",
    kind: "unequal",
    paths: ["contents[1].parts[2].thoughtSignature"],
    reason: "the recorded request has this signature cut and masked; ours is whole",
  },
  {
    id: "test-google-model-iter-stream-94e75-s3of3",
    kind: "unequal",
    paths: ["contents[3].parts[0].functionCall.id"],
    reason: OWN_ID,
  },
  {
    id: "test-google-model-iter-stream-c935e-s2of3",
    kind: "unequal",
    paths: ["contents[1].parts[0].functionCall.id"],
    reason: OWN_ID,
  },
  {
    id: "test-tools-4df65-s2of3",
    kind: "unequal",
    paths: ["contents[1].parts[0].functionCall.id"],
    reason: OWN_ID,
  },
  {
    id: "test-tools-fedde-s3of3",
    kind: "unequal",
    paths: ["contents[3].parts[0].functionCall.id"],
    reason: OWN_ID,
  },
];
