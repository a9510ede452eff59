import type { ChatEvent } from "../../contract/events.ts";
import type { ExecutionError } from "../../errors.ts";
import { NextStep } from "../../gen/execution/v1/chat_pb.js";
import { AttemptOutcome } from "../../gen/execution/v1/usage_pb.js";
import type { Call } from "../call.ts";
import type { Attempt } from "./attempt.ts";
import { attemptFailed } from "./attempt-events.ts";
import type { AttemptDeps } from "./deps.ts";
import type { NextMove } from "./next-step.ts";
import { brokenOff } from "./outcome.ts";
import { createStep } from "./step.ts";

/**
 * Runs the call's step: attempts one after the other until one gives the answer or nothing is left to try. Each has its row, and its beginning, end,
 * usage and cost in the stream. What comes after a failure is decided by `nextMove` alone; after content only a continuation can.
 */
export function attemptsStage(deps: AttemptDeps) {
  return (call: Call): AsyncGenerator<readonly ChatEvent[]> => attempts(deps, call);
}

async function* attempts(deps: AttemptDeps, call: Call): AsyncGenerator<readonly ChatEvent[]> {
  const step = createStep(deps, call);
  let move: NextMove = { kind: "START", place: 0, afterMs: 0 };
  while (true) {
    const attempt = await step.start(move);
    try {
      await attempt.open();
      yield attempt.opening();
      for await (const read of attempt.send()) {
        const events = attempt.take(read);
        if (attempt.isFinished()) {
          yield await attempt.win(events);
          return;
        }
        if (events.length > 0) yield events;
        if (attempt.isShort()) await attempt.extend();
      }
      throw brokenOff();
    } catch (thrown) {
      const error = await attempt.fail(thrown);
      move = step.failed(attempt, error);
      const told = lastWords(attempt, error, move);
      if (told.length > 0) yield told;
    } finally {
      await attempt.close();
    }
  }
}

/** What the caller is told of an attempt that failed. */
function lastWords(attempt: Attempt, error: ExecutionError, move: NextMove): readonly ChatEvent[] {
  const closing = attempt.closing();
  return isTold(attempt, move) ? [...closing, attemptFailed(attempt.summary(), error, nextStepOf(move))] : closing;
}

/** A failure is told before content, and where another attempt goes on. The call's own end is no failure of the attempt. */
function isTold(attempt: Attempt, { kind }: NextMove): boolean {
  return attempt.summary().outcome === AttemptOutcome.FAILED && (!attempt.hasContent() || kind === "CONTINUE");
}

function nextStepOf({ kind }: NextMove): NextStep {
  return kind === "START" ? NextStep.FALLBACK : NextStep[kind];
}
