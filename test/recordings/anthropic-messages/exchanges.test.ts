import { ExecutionError } from "../../../src/errors.ts";
import { anthropicSettings, userRequest } from "../../adapters/anthropic/rig.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { describeRecordedExchanges } from "../shared/exchanges.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";
import { recordedMessages } from "./recorded-messages.ts";
import { recordedToRequest } from "./recorded-requests.ts";

/** The recorded request, or where none was recorded, or our parser refuses it on purpose, a plain one that streams as the case did. */
function sendOf(row: RecordingRow): InstanceSend {
  if (row.requestRecorded) {
    try {
      return recordedToRequest(row, []);
    } catch (thrown) {
      if (!(thrown instanceof ExecutionError)) throw thrown;
    }
  }
  const settings = anthropicSettings("http://provider.invalid", { quirks: { stream: row.stream } });
  return { request: userRequest("hi"), model: row.model ?? "any", settings };
}

describeRecordedExchanges({
  ...recordedMessages,
  sendOf,
  isEndMark: (event) => /"type":\s*"message_stop"/.test(event),
});
