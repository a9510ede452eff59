import { messagesFigures } from "../../adapters/anthropic/figures.ts";
import { rowsOf } from "../../support/recordings.ts";
import type { RecordedWire } from "../shared/recorded-wire.ts";
import { ANSWER_EXCEPTIONS, RECORDED_FAILURES } from "./answer-exceptions.ts";

/** Anthropic's Messages API. */
export const recordedMessages: RecordedWire = {
  label: "messages",
  rows: rowsOf(["anthropic-messages"]),
  failures: RECORDED_FAILURES,
  exceptions: ANSWER_EXCEPTIONS,
  figures: messagesFigures,
};
