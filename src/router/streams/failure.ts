import { create } from "@bufbuild/protobuf";
import { sumUsage } from "../../contract/usage.ts";
import type { ExecutionError } from "../../errors.ts";
import type { Finished } from "../../gen/execution/v1/chat_pb.js";
import { type ChatFailure, ChatFailureSchema } from "../../gen/execution/v1/errors_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import type { CallRecord } from "../call.ts";
import { costOfAttempts } from "../meter.ts";
import type { Ended, StreamFigures, StreamHead, StreamStatus } from "./ended.ts";
import type { EventLog } from "./log.ts";

/** Errors that keep their own code after content was sent: the caller asked for them, or is told to wait for a budget. */
const OWN_CODE_AFTER_CONTENT: ReadonlySet<Code> = new Set([
  Code.DEADLINE_EXCEEDED,
  Code.CANCELLED,
  Code.INTERNAL,
  Code.RESOURCE_EXHAUSTED,
]);

/** The error a stream ends with: partial and ABORTED once content was sent, with what was done and used until then. */
export function terminalError(
  error: ExecutionError,
  head: StreamHead,
  contentSent: boolean,
  failure: ChatFailure,
): ExecutionError {
  const said = error.with({ failure, partial: contentSent, requestId: head.requestId });
  const keepsCode = OWN_CODE_AFTER_CONTENT.has(error.code) && error.origin !== "provider";
  return contentSent && !keepsCode ? said.with({ code: Code.ABORTED }) : said;
}

/** What a failed stream, or one that a reader lost, had done when the reader had seen so many events. */
export function chatFailure(
  { streamId, resumeToken }: Pick<StreamHead, "streamId" | "resumeToken">,
  { attempts, usage, costNanoUsd }: StreamFigures,
  lastSequence: number,
): ChatFailure {
  return create(ChatFailureSchema, {
    streamId,
    resumeToken,
    lastSequence,
    attempts: [...attempts],
    ...(usage === undefined ? {} : { usage }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
  });
}

/** How a stream stands by its log and, while it runs, by what its call has done. Its end says the rest: an error has it, or `finished`. */
export function statusOf(log: EventLog, ended: Ended | undefined, figures: StreamFigures | undefined): StreamStatus {
  const { lastSequence } = log;
  if (ended === undefined) return { attempts: [], ...figures, lastSequence };
  const failure = ended.error?.extras.failure;
  if (failure !== undefined) return { ...figuresOfMessage(failure), lastSequence, ended };
  const last = log.last()?.event;
  return last?.case === "finished"
    ? { ...figuresOfMessage(last.value), lastSequence, ended, finishReason: last.value.reason }
    : { attempts: [], lastSequence, ended };
}

function figuresOfMessage({ attempts, usage, costNanoUsd }: ChatFailure | Finished): StreamFigures {
  return {
    attempts,
    ...(usage === undefined ? {} : { usage }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
  };
}

/** What a call has done so far. */
export function figuresOf({ attempts }: CallRecord): StreamFigures {
  const usages = attempts.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  const costNanoUsd = costOfAttempts(attempts);
  return {
    attempts,
    ...(usages.length === 0 ? {} : { usage: sumUsage(usages) }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
  };
}
