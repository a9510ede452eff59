import { ExecutionError } from "../../../src/errors.ts";
import { anthropicSettings, userRequest } from "../../adapters/anthropic/rig.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { describeRecordedExchanges } from "../shared/exchanges.ts";
import { isObject } from "../shared/json.ts";
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
  // `message_start` has one, of which each `message_delta` replaces what it names.
  usageOf: (events) => {
    const usages = events.flatMap((event) => {
      const { message, usage } = isObject(event) ? event : {};
      return [isObject(message) ? message.usage : undefined, usage].filter(isObject);
    });
    return usages.length === 0 ? undefined : Object.assign({}, ...usages);
  },
});
