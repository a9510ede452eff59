import { chatFigures } from "../../adapters/openai/figures.ts";
import { rowsOf } from "../../support/recordings.ts";
import type { RecordedWire } from "../shared/recorded-wire.ts";
import { ANSWER_EXCEPTIONS, RECORDED_FAILURES } from "./answer-exceptions.ts";

/** Chat completions, of OpenAI and of every vendor that speaks them. */
export const recordedChat: RecordedWire = {
  label: "chat-completions",
  rows: rowsOf(["openai-chat"]),
  failures: RECORDED_FAILURES,
  exceptions: ANSWER_EXCEPTIONS,
  figures: chatFigures,
};
