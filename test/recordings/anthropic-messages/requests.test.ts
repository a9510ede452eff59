import { anthropicKind } from "../../../src/adapters/anthropic/index.ts";
import { describeRecordedRequests } from "../shared/requests.ts";
import { messagesNormalisation, normaliseTurn } from "./normalise-body.ts";
import { recordedMessages } from "./recorded-messages.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { CONVERSATION_EXCEPTIONS, REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

/*
 * Mutants seen red over messages: a builder that drops `strict`, `defer_loading` or a signature, one that writes `{}` for every input, one that
 * leaves raw blocks out; a parser that drops cache hints.
 */

describeRecordedRequests({
  label: recordedMessages.label,
  rows: recordedMessages.rows,
  kind: anthropicKind,
  read: recordedToRequest,
  build: buildRecorded,
  normalisation: messagesNormalisation,
  normaliseTurn,
  exceptions: REQUEST_EXCEPTIONS,
  conversationExceptions: CONVERSATION_EXCEPTIONS,
});
