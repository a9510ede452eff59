import { describeRecordedExchanges } from "../shared/exchanges.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { sendOf } from "./recorded-requests.ts";

describeRecordedExchanges({
  ...recordedGemini,
  sendOf,
  isEndMark: (event) => /"(finishReason|blockReason)":/.test(event),
});
