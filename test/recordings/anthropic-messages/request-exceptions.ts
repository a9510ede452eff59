import type { ConversationException, RequestException } from "../shared/recorded-requests.ts";

/** Requests that leave unequal or not at all. */
export const REQUEST_EXCEPTIONS: readonly RequestException[] = [
  {
    id: "anthropic-completion-error-e1e2e",
    refused: "messages[0]",
    reason: "is invalid on purpose: its only message is a list",
  },
  {
    id: "test-anthropic-explicit-effort-xhigh-unsupported-model-errors-1f2ed",
    unequal: ["output_config.effort"],
    reason: "asks for an effort its model refused with 400; the next lower one was sent, with a warning",
  },
];

/** Steps whose turn cannot come from the folded events. Steps whose predecessor was not recorded are listed by the test itself. */
export const CONVERSATION_EXCEPTIONS: readonly ConversationException[] = [
  {
    id: "test-anthropic-web-search-tool-7cf4f-s2of2",
    kind: "unequal",
    paths: [4, 6, 8, 10, 12, 14, 16, 18, 20].map((block) => `messages[1].content[${block}].citations`),
    reason: "the client dropped the citations of the texts",
  },
  {
    id: "test-tools-6e8f4-s2of2",
    kind: "unequal",
    paths: ["messages[1].content"],
    reason: "the client put a text of one space before the calls",
  },
];
