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
import { billedOf } from "../billing.ts";
import type { Call, ResolvedCandidate } from "../call.ts";
import { costOfAttempts, createMeter, type Meter, type MeterDeps } from "../meter.ts";

/**
 * Runs the call's step on its first candidate: one attempt, whose beginning, end, usage and cost are in the stream. Its row is written before
 * its end is told, whatever that is. A failure before content is announced by `attempt_failed`; then the error is thrown.
 */
export function attemptsStage(deps: MeterDeps) {
  return async function* attempts(call: Call): AsyncGenerator<readonly ChatEvent[]> {
    const candidate = call.resolved.candidates[0];
    if (candidate === undefined) throw new ExecutionError("NO_CANDIDATE", "no candidate is left for this request");
    const summary = openAttempt(call, candidate);
    const meter = createMeter(deps, call, candidate);
    let begun = false;
    try {
      yield [attemptStarted(summary), ...candidate.warnings.map(warningEvent), ...meter.warnings];
      begun = true;
      yield* runAttempt(call, candidate, summary, meter);
    } catch (thrown) {
      const error = toExecutionError(thrown, deps.newId).with({
        provider: candidate.adapter.settings.name,
        model: candidate.model.model,
      });
      closeAttempt(call, summary, error);
      await meter.settle(summary);
      if (!call.record.contentSent && summary.outcome === AttemptOutcome.FAILED) yield [attemptFailed(summary, error)];
      throw error;
    } finally {
      // The reader left without an error: the iterator was closed while it waited.
      if (summary.outcome === AttemptOutcome.UNSPECIFIED) closeAttempt(call, summary, undefined);
      if (!begun) summary.billed = Billed.NO;
      await meter.settle(summary);
    }
  };
}

/** Runs one attempt: hands on what the adapter yields, keeps the attempt's figures, and completes `finished`. */
async function* runAttempt(
  call: Call,
  candidate: ResolvedCandidate,
  summary: AttemptSummary,
  meter: Meter,
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
      meter.see(event);
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
    closeAttempt(call, summary, undefined);
    summary.outcome = AttemptOutcome.WON;
    summary.billed = Billed.YES;
    await meter.settle(summary);
    completeFinished(call, summary, last.event.value);
    yield final ? events : [...events.slice(0, -1), finalUsage(summary, usage), last];
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
  summary.billed = billedOf(error, {
    hasUsage: summary.usage !== undefined,
    hasHeaders: headersMs !== undefined,
    hasContent: record.contentSent,
  });
  if (error === undefined) {
    summary.outcome = AttemptOutcome.CANCELLED;
    return;
  }
  const cancelled = error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED;
  summary.outcome = cancelled ? AttemptOutcome.CANCELLED : AttemptOutcome.FAILED;
  summary.reason = error.reason;
}

function completeFinished({ record }: Call, summary: AttemptSummary, finished: Finished): void {
  const usages = record.attempts.map(({ usage }) => usage).filter((usage): usage is Usage => usage !== undefined);
  const cost = costOfAttempts(record.attempts);
  finished.attempt = summary.attempt;
  if (summary.candidate !== undefined) finished.candidate = summary.candidate;
  finished.usage = sumUsage(usages);
  finished.attempts = [...record.attempts];
  finished.priceVersion = record.priceVersion;
  if (cost !== undefined) finished.costNanoUsd = cost;
  if (summary.timings !== undefined) finished.timings = summary.timings;
}

/** The final usage of an attempt whose provider reported none. */
function finalUsage({ step, attempt, costNanoUsd }: AttemptSummary, usage: Usage): ChatEvent {
  const event = usageEvent(step, attempt, usage, true);
  if (event.event.case === "usage" && costNanoUsd !== undefined) event.event.value.costNanoUsd = costNanoUsd;
  return event;
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

function attemptFailed(
  { step, attempt, billed, usage, costNanoUsd }: AttemptSummary,
  error: ExecutionError,
): ChatEvent {
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
      ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    },
  });
}
