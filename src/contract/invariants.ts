import type { ChatResponse, ToolCallFinished, ToolResult } from "../gen/execution/v1/chat_pb.js";
import { Executor } from "../gen/execution/v1/content_pb.js";
import type { Usage } from "../gen/execution/v1/usage_pb.js";
import { USAGE_BUCKETS } from "./usage.ts";

/** Watches one stream of events and says what it breaks of the contract. */
export interface InvariantChecker {
  /** Takes the next event. Returns what it breaks, or nothing. */
  next(response: ChatResponse): string | undefined;
  /** Says whether the stream may end here: with success only after `finished`, with an error only without it. */
  end(outcome: "success" | "error"): string | undefined;
}

/** What an event breaks, or nothing. */
type Verdict = string | undefined;

/** Events that belong to an attempt and so come after one has started. */
const WITHIN_ATTEMPT: ReadonlySet<string> = new Set([
  "textDelta",
  "reasoningDelta",
  "refusalDelta",
  "toolCallStarted",
  "toolCallDelta",
  "toolCallFinished",
  "toolResult",
  "providerState",
  "citation",
  "image",
  "audio",
  "logprobs",
  "usage",
  "attemptFailed",
  "finished",
]);

/**
 * Checks the invariants of a Chat stream: sequence 1, 2, 3 ... without gap; `started` first and once; nothing after `finished`; content only
 * within an attempt; tool calls begin once, end once, and their deltas concatenate to their arguments (`{}` if there were none); a result
 * comes after its call, which for a PROVIDER tool may be in an earlier turn; usage that is provisional never decreases; a final usage before
 * `finished`.
 */
export function createInvariantChecker(): InvariantChecker {
  let sequence = 0;
  let finished = false;
  let attempts = 0;
  const toolCalls = createToolCallChecker();
  const usages = createUsageChecker();
  return {
    next: (response) => {
      const { event } = response;
      if (finished) return "an event after finished";
      if (response.sequence !== sequence + 1) return `sequence ${response.sequence} after ${sequence}`;
      sequence += 1;
      if ((event.case === "started") !== (sequence === 1)) return "started must be the first event, once";
      if (event.case === "attemptStarted") attempts += 1;
      if (event.case === "finished") finished = true;
      if (attempts === 0 && WITHIN_ATTEMPT.has(event.case ?? "")) return `${event.case} before attempt_started`;
      return toolCalls(response) ?? usages(response);
    },
    end: (outcome) => {
      if (outcome === "success" && !finished) return "success without finished";
      if (outcome === "error" && finished) return "an error after finished";
      return undefined;
    },
  };
}

type OpenCalls = Map<string, { readonly id: string; text: string }>;

function placeOf({ step, part }: { readonly step: number; readonly part: number }): string {
  return `${step}/${part}`;
}

function finishCall(open: OpenCalls, finished: ToolCallFinished): Verdict {
  const { id, freeForm, argumentsJson } = finished;
  const call = open.get(placeOf(finished));
  if (call?.id !== id) return "tool_call_finished without its started call";
  open.delete(placeOf(finished));
  const expected = call.text === "" && !freeForm ? "{}" : call.text;
  return argumentsJson === expected ? undefined : `arguments of ${id} are not what its deltas concatenate to`;
}

/** A provider may pause its turn between call and result: the call is then in the message that went back to it. */
function hasCall({ executor, toolCallId }: ToolResult, ids: ReadonlySet<string>): boolean {
  return executor === Executor.PROVIDER || ids.has(toolCallId);
}

function createToolCallChecker(): (response: ChatResponse) => Verdict {
  const open: OpenCalls = new Map();
  const ids = new Set<string>();
  return ({ event }) => {
    switch (event.case) {
      case "toolCallStarted": {
        const { id } = event.value;
        if (id === "") return "tool call without an id";
        if (ids.has(id)) return `tool call ${id} started twice`;
        if (open.has(placeOf(event.value))) return `part ${placeOf(event.value)} has two tool calls`;
        ids.add(id);
        open.set(placeOf(event.value), { id, text: "" });
        return undefined;
      }
      case "toolCallDelta": {
        const call = open.get(placeOf(event.value));
        if (call === undefined) return "tool_call_delta without a started call";
        call.text += event.value.argumentsDelta;
        return undefined;
      }
      case "toolCallFinished":
        return finishCall(open, event.value);
      case "toolResult":
        return hasCall(event.value, ids) ? undefined : "tool_result without its call";
      case "finished":
        return open.size > 0 ? "finished with a tool call open" : undefined;
      default:
        return undefined;
    }
  };
}

function createUsageChecker(): (response: ChatResponse) => Verdict {
  const provisional = new Map<number, Usage>();
  const finals = new Set<number>();
  return ({ event }) => {
    if (event.case === "finished") {
      return finals.has(event.value.attempt) ? undefined : "finished without a final usage of the winning attempt";
    }
    if (event.case !== "usage") return undefined;
    const { attempt, usage, final } = event.value;
    if (usage === undefined) return "usage event without usage";
    if (final) {
      finals.add(attempt);
      return undefined;
    }
    if (finals.has(attempt)) return "provisional usage after the final one";
    const before = provisional.get(attempt);
    const shrunk = before && USAGE_BUCKETS.find((bucket) => (usage[bucket] ?? 0) < (before[bucket] ?? 0));
    provisional.set(attempt, usage);
    return shrunk === undefined ? undefined : `provisional ${shrunk} decreased`;
  };
}
