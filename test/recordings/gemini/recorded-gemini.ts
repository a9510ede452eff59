import { geminiFigures } from "../../adapters/gemini/figures.ts";
import { type ExpectedAnswer, type RecordedCase, rowsOf } from "../../support/recordings.ts";
import { isObject } from "../shared/json.ts";
import type { RecordedWire } from "../shared/recorded-wire.ts";
import { ANSWER_EXCEPTIONS, RECORDED_FAILURES } from "./answer-exceptions.ts";
import { answeredFunctions } from "./provider-run.ts";

/** generateContent, whole and streamed, of the Gemini API and of Vertex AI, where the wire is the same. */
export const recordedGemini: RecordedWire = {
  label: "generateContent",
  rows: rowsOf(["gemini-generate", "gemini-stream"]),
  failures: RECORDED_FAILURES,
  exceptions: ANSWER_EXCEPTIONS,
  figures: geminiFigures,
  expectedOf,
};

/**
 * The extractor's words in those of the contract: a blocked prompt ends the answer with the reason of the block; a number is an enum's word; a
 * function that the provider called itself is none of the caller's; and a stream without an end mark is no answer (CONTRACT, "End markers").
 */
function expectedOf(recorded: RecordedCase): ExpectedAnswer {
  const { expected, row } = recorded;
  const { finishReason = blockReason(expected), toolCalls = [], error } = expected;
  const own = answeredFunctions(recorded);
  const isEndless = row.stream && row.status === 200 && finishReason === undefined;
  return {
    ...expected,
    toolCalls: toolCalls.filter(({ name }) => !own.includes(name)),
    ...(finishReason !== undefined && { finishReason: String(finishReason) }),
    ...(error === undefined && isEndless && { error: "the stream has no end mark" }),
  };
}

function blockReason({ promptFeedback }: ExpectedAnswer): string | undefined {
  const reason = isObject(promptFeedback) ? promptFeedback.blockReason : undefined;
  return typeof reason === "string" ? reason : undefined;
}
