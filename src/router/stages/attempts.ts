import { create } from "@bufbuild/protobuf";
import { type ChatEvent, chatEvent, isContent, usageEvent, warningEvent } from "../../contract/events.ts";
import { sumUsage, unknownUsage } from "../../contract/usage.ts";
import { ExecutionError, toExecutionError } from "../../errors.ts";
import { type Finished, NextStep } from "../../gen/execution/v1/chat_pb.js";
import {
  AttemptOutcome,
  type AttemptSummary,
  AttemptSummarySchema,
  Billed,
  type Candidate,
  TimingsSchema,
  type Usage,
} from "../../gen/execution/v1/usage_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import type { Call, ResolvedCandidate } from "../call.ts";

/**
 * Runs the call's step on its first candidate: one attempt, whose beginning, end and usage are in the stream. A failure before content is
 * announced by `attempt_failed`; then the error is thrown.
 */
export function attemptsStage(deps: { readonly newId: () => string }) {
  return async function* attempts(call: Call): AsyncGenerator<readonly ChatEvent[]> {
    const candidate = call.resolved.candidates[0];
    if (candidate === undefined) throw new ExecutionError("NO_CANDIDATE", "no candidate is left for this request");
    const summary = openAttempt(call, candidate);
    yield [attemptStarted(summary), ...candidate.warnings.map(warningEvent)];
    try {
      yield* runAttempt(call, candidate, summary);
    } catch (thrown) {
      const error = toExecutionError(thrown, deps.newId).with({
        provider: candidate.adapter.settings.name,
        model: candidate.model.model,
      });
      closeAttempt(call, summary, error);
      if (!call.record.contentSent && summary.outcome === AttemptOutcome.FAILED) yield [attemptFailed(summary, error)];
      throw error;
    } finally {
      // The reader left without an error: the iterator was closed while it waited.
      if (summary.outcome === AttemptOutcome.UNSPECIFIED) closeAttempt(call, summary, undefined);
    }
  };
}

/** Runs one attempt: hands on what the adapter yields, keeps the attempt's figures, and completes `finished`. */
async function* runAttempt(
  call: Call,
  candidate: ResolvedCandidate,
  summary: AttemptSummary,
): AsyncGenerator<readonly ChatEvent[]> {
  const { context, record, resolved } = call;
  let final = false;
  const stream = candidate.adapter.chat({
    request: resolved.request,
    model: candidate.model.model,
    step: summary.step,
    attempt: summary.attempt,
    signal: context.signal,
    onHeaders: () => {
      summary.timings = create(TimingsSchema, { headersMs: call.elapsedMs() });
    },
  });
  for await (const events of stream) {
    const last = events.at(-1);
    for (const event of events) {
      if (event.event.case === "usage") {
        summary.usage = event.event.value.usage ?? summary.usage ?? unknownUsage();
        final ||= event.event.value.final;
      } else if (!record.contentSent && isContent(event)) {
        record.contentSent = true;
        record.firstContentMs = call.elapsedMs();
      }
    }
    if (last?.event.case !== "finished") {
      yield events;
      continue;
    }
    const usage = summary.usage ?? unknownUsage();
    summary.usage = usage;
    const settled = final ? [] : [usageEvent(summary.step, summary.attempt, usage, true)];
    closeAttempt(call, summary, undefined);
    completeFinished(call, summary, last.event.value);
    yield [...events.slice(0, -1), ...settled, last];
    return;
  }
}

function openAttempt({ record }: Call, { adapter, model, toolTier }: ResolvedCandidate): AttemptSummary {
  const candidate: Candidate = {
    $typeName: "execution.v1.Candidate",
    provider: adapter.settings.name,
    kind: adapter.settings.kind,
    model: model.model,
  };
  const summary = create(AttemptSummarySchema, { attempt: record.attempts.length, candidate, toolTier });
  record.attempts.push(summary);
  return summary;
}

/** Writes how an attempt ended. Without an error it won if it was told to finish, else its reader left. */
function closeAttempt(call: Call, summary: AttemptSummary, error: ExecutionError | undefined): void {
  const { record } = call;
  const { headersMs } = summary.timings ?? {};
  summary.timings = create(TimingsSchema, {
    totalMs: call.elapsedMs(),
    ...(headersMs === undefined ? {} : { headersMs }),
    ...(record.firstContentMs === undefined ? {} : { firstContentMs: record.firstContentMs }),
  });
  if (error === undefined) {
    summary.outcome = AttemptOutcome.CANCELLED;
    summary.billed = Billed.UNKNOWN;
    return;
  }
  const cancelled = error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED;
  summary.outcome = cancelled ? AttemptOutcome.CANCELLED : AttemptOutcome.FAILED;
  summary.reason = error.reason;
  summary.billed = billedOf(call, summary, error);
}

/** A provider that refused does not bill; once it began to answer it may. */
function billedOf({ record }: Call, summary: AttemptSummary, error: ExecutionError): Billed {
  if (summary.usage !== undefined) return Billed.YES;
  if (record.contentSent) return Billed.UNKNOWN;
  const refused =
    error.origin === "provider" && summary.timings?.headersMs !== undefined && error.reason !== "UPSTREAM_TRUNCATED";
  const unsent =
    error.origin === "caller" && summary.timings?.headersMs === undefined && error.code === Code.INVALID_ARGUMENT;
  return refused || unsent ? Billed.NO : Billed.UNKNOWN;
}

function completeFinished({ record }: Call, summary: AttemptSummary, finished: Finished): void {
  summary.outcome = AttemptOutcome.WON;
  summary.billed = Billed.YES;
  const usages = record.attempts.map(({ usage }) => usage).filter((usage): usage is Usage => usage !== undefined);
  finished.attempt = summary.attempt;
  if (summary.candidate !== undefined) finished.candidate = summary.candidate;
  finished.usage = sumUsage(usages);
  finished.attempts = [...record.attempts];
  if (summary.timings !== undefined) finished.timings = summary.timings;
}

function attemptStarted({ step, attempt, candidate, toolTier }: AttemptSummary): ChatEvent {
  return chatEvent({
    case: "attemptStarted",
    value: {
      $typeName: "execution.v1.AttemptStarted",
      step,
      attempt,
      toolTier,
      experimentArm: "",
      ...(candidate === undefined ? {} : { candidate }),
    },
  });
}

function attemptFailed({ step, attempt, billed, usage }: AttemptSummary, error: ExecutionError): ChatEvent {
  return chatEvent({
    case: "attemptFailed",
    value: {
      $typeName: "execution.v1.AttemptFailed",
      step,
      attempt,
      reason: error.reason,
      billed,
      next: NextStep.FAIL,
      providerMessage: error.extras.providerMessage ?? "",
      ...(usage === undefined ? {} : { usage }),
    },
  });
}
