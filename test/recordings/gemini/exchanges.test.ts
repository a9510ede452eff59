import { describeRecordedExchanges } from "../shared/exchanges.ts";
import { isObject } from "../shared/json.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { sendOf } from "./recorded-requests.ts";

describeRecordedExchanges({
  ...recordedGemini,
  sendOf,
  isEndMark: (event) => /"(finishReason|blockReason)":/.test(event),
  // Each chunk has all of it.
  usageOf: (events) =>
    events.flatMap((event) => (isObject(event) && isObject(event.usageMetadata) ? [event.usageMetadata] : [])).at(-1),
});
