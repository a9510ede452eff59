import type { ChatResponse } from "../gen/execution/v1/chat_pb.js";
import type { Usage } from "../gen/execution/v1/usage_pb.js";
import { USAGE_BUCKETS } from "./usage.ts";

/** Watches one stream of events and says what it breaks of the contract. */
export interface InvariantChecker {
  /** Takes the next event. Returns what it breaks, or nothing. */
  next(response: ChatResponse): string | undefined;
  /** Says whether the stream may end here: with success only after `finished`, with an error only without it. */
  end(outcome: "success" | "error"): string | undefined;
}

interface OpenCall {
  readonly id: string;
  readonly name: string;
  text: string;
}

/**
 * Checks the invariants of a Chat stream: sequence 1, 2, 3 ... without gap; `started` first and once; nothing after `finished`; content only
 * within an attempt; tool calls begin once, end once, and their deltas concatenate to their arguments (`{}` if there were none); a result
 * comes after its call; usage that is provisional never decreases; a final usage before `finished`.
 */
export function createInvariantChecker(): InvariantChecker {
  let sequence = 0;
  let finished = false;
  let attempts = 0;
  const open = new Map<string, OpenCall>();
  const callIds = new Set<string>();
  const provisional = new Map<number, Usage>();
  const finals = new Set<number>();

  const content = (response: ChatResponse): string | undefined => {
    const { event } = response;
    if (attempts === 0) return `${event.case} before attempt_started`;
    switch (event.case) {
      case "toolCallStarted": {
        const key = `${event.value.step}/${event.value.part}`;
        if (event.value.id === "") return "tool call without an id";
        if (callIds.has(event.value.id)) return `tool call ${event.value.id} started twice`;
        if (open.has(key)) return `part ${key} has two tool calls`;
        callIds.add(event.value.id);
        open.set(key, { id: event.value.id, name: event.value.name, text: "" });
        return undefined;
      }
      case "toolCallDelta": {
        const call = open.get(`${event.value.step}/${event.value.part}`);
        if (call === undefined) return "tool_call_delta without a started call";
        call.text += event.value.argumentsDelta;
        return undefined;
      }
      case "toolCallFinished": {
        const key = `${event.value.step}/${event.value.part}`;
        const call = open.get(key);
        if (call === undefined || call.id !== event.value.id) return "tool_call_finished without its started call";
        const expected = call.text === "" && !event.value.freeForm ? "{}" : call.text;
        if (event.value.argumentsJson !== expected)
          return `arguments of ${call.id} are not what its deltas concatenate to`;
        open.delete(key);
        return undefined;
      }
      default:
        return undefined;
    }
  };

  const usage = (attempt: number, value: Usage | undefined, final: boolean): string | undefined => {
    if (value === undefined) return "usage event without usage";
    if (final) {
      finals.add(attempt);
      return undefined;
    }
    if (finals.has(attempt)) return "provisional usage after the final one";
    const before = provisional.get(attempt);
    const shrunk = before && USAGE_BUCKETS.find((bucket) => (value[bucket] ?? 0) < (before[bucket] ?? 0));
    provisional.set(attempt, value);
    return shrunk === undefined ? undefined : `provisional ${shrunk} decreased`;
  };

  return {
    next: (response) => {
      if (finished) return "an event after finished";
      if (response.sequence !== sequence + 1) return `sequence ${response.sequence} after ${sequence}`;
      sequence = response.sequence;
      const { event } = response;
      if ((event.case === "started") !== (sequence === 1)) return "started must be the first event, once";
      switch (event.case) {
        case "attemptStarted":
          attempts += 1;
          return undefined;
        case "usage":
          return usage(event.value.attempt, event.value.usage, event.value.final);
        case "toolResult":
          return callIds.has(event.value.toolCallId) ? undefined : "tool_result without its call";
        case "finished":
          finished = true;
          if (open.size > 0) return "finished with a tool call open";
          return finals.has(event.value.attempt) ? undefined : "finished without a final usage of the winning attempt";
        case "textDelta":
        case "reasoningDelta":
        case "refusalDelta":
        case "toolCallStarted":
        case "toolCallDelta":
        case "toolCallFinished":
        case "citation":
        case "image":
        case "audio":
        case "logprobs":
        case "providerState":
          return content(response);
        default:
          return undefined;
      }
    },
    end: (outcome) => {
      if (outcome === "success" && !finished) return "success without finished";
      if (outcome === "error" && finished) return "an error after finished";
      return undefined;
    },
  };
}
