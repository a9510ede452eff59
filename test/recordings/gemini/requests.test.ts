import { geminiKind } from "../../../src/adapters/gemini/index.ts";
import { describeRecordedRequests } from "../shared/requests.ts";
import { geminiNormalisation, normaliseTurn } from "./normalise-body.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { CONVERSATION_EXCEPTIONS, REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

describeRecordedRequests({
  label: recordedGemini.label,
  rows: recordedGemini.rows,
  kind: geminiKind,
  read: recordedToRequest,
  build: buildRecorded,
  normalisation: geminiNormalisation,
  normaliseTurn,
  exceptions: REQUEST_EXCEPTIONS,
  conversationExceptions: CONVERSATION_EXCEPTIONS,
});
