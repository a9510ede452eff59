import { anthropicSettings, userRequest } from "../../adapters/anthropic/rig.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { describeRecordedExchanges } from "../shared/exchanges.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";
import { recordedMessages } from "./recorded-messages.ts";

/** A plain request that streams as the case did. */
function sendOf(row: RecordingRow): InstanceSend {
  const settings = anthropicSettings("http://provider.invalid", { quirks: { stream: row.stream } });
  return { request: userRequest("hi"), model: row.model ?? "any", settings };
}

describeRecordedExchanges({
  ...recordedMessages,
  sendOf,
  isEndMark: (event) => /"type":\s*"message_stop"/.test(event),
});
