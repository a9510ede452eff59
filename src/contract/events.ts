import type { ChatResponse, Warning } from "../gen/execution/v1/chat_pb.js";
import type { Executor, ProviderState } from "../gen/execution/v1/content_pb.js";
import type { Usage } from "../gen/execution/v1/usage_pb.js";

/** An event of a call before it is numbered: the generated ChatResponse with sequence 0. Only the sequence stamp sets the number. */
export type ChatEvent = ChatResponse;

/** Any one event, as the generated union has it. */
export type ChatEventCase = Exclude<ChatEvent["event"], { case: undefined }>;

/** Where content belongs: step of the call and part of the step's message, both from 0. */
export interface Place {
  readonly step: number;
  readonly part: number;
}

/** Wraps one event. Written as a literal because it runs once a provider chunk. */
export function chatEvent(event: ChatEventCase): ChatEvent {
  return { $typeName: "execution.v1.ChatResponse", sequence: 0, event };
}

/** A piece of text. */
export function textDelta({ step, part }: Place, text: string): ChatEvent {
  return chatEvent({ case: "textDelta", value: { $typeName: "execution.v1.TextDelta", text, step, part } });
}

/** A piece of reasoning. */
export function reasoningDelta({ step, part }: Place, text: string): ChatEvent {
  return chatEvent({ case: "reasoningDelta", value: { $typeName: "execution.v1.ReasoningDelta", text, step, part } });
}

/** A piece of a refusal. */
export function refusalDelta({ step, part }: Place, text: string): ChatEvent {
  return chatEvent({ case: "refusalDelta", value: { $typeName: "execution.v1.RefusalDelta", text, step, part } });
}

/** What is known of a tool call when it begins. */
export interface ToolCallHead {
  readonly id: string;
  readonly idMinted: boolean;
  readonly name: string;
  readonly executor: Executor;
  readonly freeForm: boolean;
}

/** The beginning of a tool call. */
export function toolCallStarted({ step, part }: Place, head: ToolCallHead): ChatEvent {
  return chatEvent({
    case: "toolCallStarted",
    value: { $typeName: "execution.v1.ToolCallStarted", step, part, ...head },
  });
}

/** A piece of a tool call's arguments. */
export function toolCallDelta({ step, part }: Place, argumentsDelta: string): ChatEvent {
  return chatEvent({
    case: "toolCallDelta",
    value: { $typeName: "execution.v1.ToolCallDelta", argumentsDelta, step, part },
  });
}

/** The end of a tool call. `argumentsText` is what the deltas concatenate to; none means `{}`. */
export function toolCallFinished({ step, part }: Place, head: ToolCallHead, argumentsText: string): ChatEvent {
  const argumentsJson = argumentsText === "" && !head.freeForm ? "{}" : argumentsText;
  return chatEvent({
    case: "toolCallFinished",
    value: {
      $typeName: "execution.v1.ToolCallFinished",
      step,
      part,
      id: head.id,
      name: head.name,
      argumentsJson,
      argumentsValid: !head.freeForm && isJson(argumentsJson),
      executor: head.executor,
      freeForm: head.freeForm,
    },
  });
}

/** Opaque state of a part. */
export function providerState({ step, part }: Place, state: Omit<ProviderState, "$typeName" | "$unknown">): ChatEvent {
  return chatEvent({
    case: "providerState",
    value: {
      $typeName: "execution.v1.ProviderStateEvent",
      step,
      part,
      state: { $typeName: "execution.v1.ProviderState", ...state },
    },
  });
}

/** What an attempt has used; cumulative. */
export function usageEvent(step: number, attempt: number, usage: Usage, final: boolean): ChatEvent {
  return chatEvent({ case: "usage", value: { $typeName: "execution.v1.UsageEvent", step, attempt, usage, final } });
}

/** Something the caller should know. `field` is a path of the request, or empty. */
export function warning(code: string, field: string, text: string): ChatEvent {
  return chatEvent({ case: "warning", value: { $typeName: "execution.v1.Warning", code, field, text } });
}

/** A warning that is made already. */
export function warningEvent(value: Warning): ChatEvent {
  return chatEvent({ case: "warning", value });
}

const CONTENT: ReadonlySet<string> = new Set([
  "textDelta",
  "reasoningDelta",
  "refusalDelta",
  "toolCallStarted",
  "toolCallDelta",
  "toolCallFinished",
  "citation",
  "image",
  "audio",
]);

/** True for content: text, reasoning, refusal, tool call, citation, image, audio. After a step's first content its candidate is final. */
export function isContent(event: ChatEvent): boolean {
  return event.event.case !== undefined && CONTENT.has(event.event.case);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
