import { type ChatEvent, chatEvent, usageEvent } from "../../contract/events.ts";
import { sumUsage } from "../../contract/usage.ts";
import type { ExecutionError } from "../../errors.ts";
import type { Finished, NextStep } from "../../gen/execution/v1/chat_pb.js";
import type { AttemptSummary, Timings, Usage } from "../../gen/execution/v1/usage_pb.js";
import type { CallRecord } from "../call.ts";
import { costOfAttempts } from "../meter.ts";

/** Says that a provider is being called. */
export function attemptStarted({ step, attempt, candidate, toolTier }: AttemptSummary): ChatEvent {
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

/** Says that the attempt the caller follows failed, and what comes next. */
export function attemptFailed(
  { step, attempt, billed, usage, costNanoUsd }: AttemptSummary,
  error: ExecutionError,
  next: NextStep,
): ChatEvent {
  return chatEvent({
    case: "attemptFailed",
    value: {
      $typeName: "execution.v1.AttemptFailed",
      step,
      attempt,
      reason: error.reason,
      billed,
      next,
      providerMessage: error.extras.providerMessage ?? "",
      ...(usage === undefined ? {} : { usage }),
      ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    },
  });
}

/** The final usage of an attempt whose provider reported none. */
export function finalUsage({ step, attempt, costNanoUsd }: AttemptSummary, usage: Usage): ChatEvent {
  const event = usageEvent(step, attempt, usage, true);
  if (event.event.case === "usage" && costNanoUsd !== undefined) event.event.value.costNanoUsd = costNanoUsd;
  return event;
}

/** Fills in what the router knows of a call that succeeds: who won, and what all attempts used and cost together. `timings` are the call's. */
export function completeFinished(
  finished: Finished,
  { attempts, priceVersion }: CallRecord,
  winner: AttemptSummary,
  timings: Timings,
): void {
  const cost = costOfAttempts(attempts);
  finished.attempt = winner.attempt;
  if (winner.candidate !== undefined) finished.candidate = winner.candidate;
  finished.usage = sumUsage(attempts.flatMap(({ usage }) => (usage === undefined ? [] : [usage])));
  finished.attempts = [...attempts];
  finished.priceVersion = priceVersion;
  if (cost !== undefined) finished.costNanoUsd = cost;
  finished.timings = timings;
}
