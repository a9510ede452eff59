import { ExecutionError } from "../../../src/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import { differences } from "../../support/compare-chat.ts";
import type { RecordedCase } from "../../support/recordings.ts";
import type { ReplayedAnswer } from "./answer-replay.ts";
import type { AnswersUnderTest } from "./answers.ts";
import { caseDir, type RecordedFailure, type RecordedWire } from "./recorded-wire.ts";

/** What is wrong with an adapter's reading of a case, one line each; empty if nothing is. */
export function answerProblems(recorded: RecordedCase, read: ReplayedAnswer, wire: AnswersUnderTest): string[] {
  const dir = caseDir(recorded.row);
  const failure = wire.failures.find((known) => known.dir === dir);
  if (failure !== undefined) return failureProblems(recorded, read, failure, wire);
  if (read.error !== undefined) return [String(read.error)];
  const exception = wire.exceptions.find((known) => known.dir === dir);
  const found = differences(read.outcome, recorded.expected, wire.figures);
  const excepted = found.filter((line) => exception !== undefined && line.startsWith(exception.field));
  return [
    ...(read.outcome.finished ? [] : ["not finished"]),
    ...(exception !== undefined && excepted.length === 0 ? ["is no exception"] : []),
    ...found.filter((line) => !excepted.includes(line)),
    ...providerRunProblems(recorded, read, wire),
    ...read.broken,
  ];
}

/** A failure gives its row of the error table, after what the answer said before it. */
function failureProblems(
  { expected }: RecordedCase,
  { outcome, error }: ReplayedAnswer,
  failure: RecordedFailure,
  { figures }: RecordedWire,
): string[] {
  if (!(error instanceof ExecutionError)) return ["no failure"];
  const got = [error.reason, Code[error.code], error.extras.retryAfterMs];
  const isEqual = String(got) === String([failure.reason, failure.code, failure.retryAfterMs]);
  const { finishReason: _word, usage: _usage, ...before } = expected;
  return [...(isEqual ? [] : [got.join(" ")]), ...differences({ ...outcome, usage: undefined }, before, figures)];
}

/** Calls and results of tools that the provider ran are in the stream, as many as the body has. */
function providerRunProblems(
  recorded: RecordedCase,
  { outcome }: ReplayedAnswer,
  { providerRun }: AnswersUnderTest,
): string[] {
  if (providerRun === undefined) return [];
  const { calls, results } = providerRun(recorded);
  return [
    ...(outcome.providerCalls === calls ? [] : [`${outcome.providerCalls} provider-run calls, wanted ${calls}`]),
    ...(outcome.providerResults === results ? [] : [`${outcome.providerResults} results of them, wanted ${results}`]),
  ];
}
