import { openaiKind } from "../../../src/adapters/openai/index.ts";
import { describeRecordedRequests } from "../shared/requests.ts";
import { chatNormalisation, normaliseTurn } from "./normalise-body.ts";
import { recordedChat } from "./recorded-chat.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { CONVERSATION_EXCEPTIONS, REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

describeRecordedRequests({
  label: recordedChat.label,
  rows: recordedChat.rows,
  kind: openaiKind,
  read: recordedToRequest,
  build: buildRecorded,
  normalisation: chatNormalisation,
  normaliseTurn,
  exceptions: REQUEST_EXCEPTIONS,
  conversationExceptions: CONVERSATION_EXCEPTIONS,
});
