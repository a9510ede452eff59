import { ExecutionError } from "../../../src/errors.ts";
import { openaiSettings, userRequest } from "../../adapters/openai/rig.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { describeRecordedExchanges } from "../shared/exchanges.ts";
import { isObject } from "../shared/json.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";
import { recordedChat } from "./recorded-chat.ts";
import { recordedToRequest } from "./recorded-requests.ts";

/** The recorded request, or where none was recorded, or our parser refuses it on purpose, a plain one that streams as the case did. */
function sendOf(row: RecordingRow): InstanceSend {
  if (row.requestRecorded) {
    try {
      return recordedToRequest(row, ["n"]);
    } catch (thrown) {
      if (!(thrown instanceof ExecutionError)) throw thrown;
    }
  }
  const settings = openaiSettings("http://provider.invalid/v1", { quirks: { stream: row.stream } });
  return { request: userRequest("hi"), model: row.model ?? "any", settings };
}

describeRecordedExchanges({
  ...recordedChat,
  sendOf,
  isEndMark: (event) => /"finish_reason":\s*"/.test(event),
  usageOf: (events) =>
    events.flatMap((event) => (isObject(event) && isObject(event.usage) ? [event.usage] : [])).at(-1),
});
