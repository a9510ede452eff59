import { create } from "@bufbuild/protobuf";
import { chatEvent } from "../../contract/events.ts";
import { sumUsage } from "../../contract/usage.ts";
import { ExecutionError, toExecutionError } from "../../errors.ts";
import type { ChatResponse } from "../../gen/execution/v1/chat_pb.js";
import { type ChatFailure, ChatFailureSchema } from "../../gen/execution/v1/errors_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import type { Call, Next } from "../call.ts";
import { costOfAttempts } from "../meter.ts";

/** Errors that keep their own code after content was sent: the caller asked for them, or is told to wait for a budget. */
const OWN_CODE_AFTER_CONTENT: ReadonlySet<Code> = new Set([
  Code.DEADLINE_EXCEEDED,
  Code.CANCELLED,
  Code.INTERNAL,
  Code.RESOURCE_EXHAUSTED,
]);

/**
 * Opens the stream with `started`, numbers every event, and sees to it that the stream ends in exactly one way: with `finished` and nothing
 * after it, or with one ExecutionError that carries a ChatFailure. A stream that ends without `finished` is truncated.
 */
export function streamStage(deps: { readonly newId: () => string }) {
  return async function* stream(call: Call, next: Next): AsyncGenerator<readonly ChatResponse[]> {
    let sequence = 0;
    const number = (events: readonly ChatResponse[]): boolean => {
      let finished = false;
      for (const event of events) {
        sequence += 1;
        event.sequence = sequence;
        finished = event.event.case === "finished";
      }
      return finished;
    };
    try {
      const opening = [startedEvent(call)];
      number(opening);
      yield opening;
      for await (const events of next(call)) {
        const finished = number(events);
        yield events;
        if (finished) return;
      }
      throw new ExecutionError("UPSTREAM_TRUNCATED", "the provider's answer ended without its end marker");
    } catch (thrown) {
      throw failed(toExecutionError(thrown, deps.newId), call, sequence);
    }
  };
}

function startedEvent({ streamId, context, resolved }: Call): ChatResponse {
  return chatEvent({
    case: "started",
    value: {
      $typeName: "execution.v1.Started",
      streamId,
      requestId: context.requestId,
      resumeToken: "",
      persona: resolved.persona,
    },
  });
}

/** The error as the caller sees it: partial and ABORTED once content was sent, with what was done and used until then. */
function failed(error: ExecutionError, call: Call, lastSequence: number): ExecutionError {
  const failure = chatFailure(call, lastSequence);
  if (!call.record.contentSent) return error.with({ failure, partial: false });
  const keepsCode = OWN_CODE_AFTER_CONTENT.has(error.code) && error.origin !== "provider";
  return error.with({ failure, partial: true, code: keepsCode ? error.code : Code.ABORTED });
}

function chatFailure({ streamId, record }: Call, lastSequence: number): ChatFailure {
  const usages = record.attempts.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  const cost = costOfAttempts(record.attempts);
  return create(ChatFailureSchema, {
    streamId,
    lastSequence,
    attempts: record.attempts,
    ...(usages.length > 0 ? { usage: sumUsage(usages) } : {}),
    ...(cost === undefined ? {} : { costNanoUsd: cost }),
  });
}
