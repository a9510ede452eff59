import { create } from "@bufbuild/protobuf";
import type { ChatResponse } from "../gen/execution/v1/chat_pb.js";
import {
  type AudioPart,
  Executor,
  type ImagePart,
  type Message,
  MessageRole,
  MessageSchema,
  type Part,
  PartSchema,
  type ToolResultPart,
  ToolResultPartSchema,
} from "../gen/execution/v1/content_pb.js";

/** Collects events into messages while they arrive. */
export interface Fold {
  /** Takes one event; events that are not content, and unknown ones, change nothing. */
  add(response: ChatResponse): void;
  /** The messages so far. A tool call that has not finished is left out. */
  messages(): Message[];
}

/**
 * Folds the events of a call into messages: for each step one assistant message, then, if PLATFORM tools ran in it, one tool message with
 * their results. Parts keep the order of their numbers; results of PROVIDER tools stay in the assistant message. Sending the messages back
 * to the provider that made them gives its own next-turn form, provider state included.
 *
 * The law: folding is stable under any cut of deltas into pieces, `fold(events)` of a stream depends on its content only, and each tool
 * call's arguments are what its deltas concatenate to.
 */
export function fold(events: Iterable<ChatResponse>): Message[] {
  const collected = createFold();
  for (const event of events) collected.add(event);
  return collected.messages();
}

/** Creates an empty fold, for events that arrive one by one. */
export function createFold(): Fold {
  const steps = new Map<number, StepFold>();
  const stepOf = (step: number): StepFold => {
    const known = steps.get(step);
    if (known !== undefined) return known;
    const made: StepFold = { parts: new Map(), platformResults: [] };
    steps.set(step, made);
    return made;
  };
  return {
    add: (response) => addEvent(stepOf, response),
    messages: () => [...steps.entries()].sort(([a], [b]) => a - b).flatMap(([, step]) => stepMessages(step)),
  };
}

interface StepFold {
  readonly parts: Map<number, Part>;
  readonly platformResults: ToolResultPart[];
}

function partOf(step: StepFold, number: number): Part {
  const known = step.parts.get(number);
  if (known !== undefined) return known;
  const made = create(PartSchema);
  step.parts.set(number, made);
  return made;
}

function addEvent(stepOf: (step: number) => StepFold, { event }: ChatResponse): void {
  switch (event.case) {
    case "textDelta":
      return addText(partOf(stepOf(event.value.step), event.value.part), event.value.text);
    case "reasoningDelta":
      return addReasoning(partOf(stepOf(event.value.step), event.value.part), event.value.text);
    case "refusalDelta":
      return addRefusal(partOf(stepOf(event.value.step), event.value.part), event.value.text);
    case "toolCallFinished": {
      const { id, name, argumentsJson, executor, freeForm } = event.value;
      partOf(stepOf(event.value.step), event.value.part).kind = {
        case: "toolCall",
        value: { $typeName: "execution.v1.ToolCallPart", id, name, argumentsJson, executor, freeForm },
      };
      return;
    }
    case "toolResult": {
      const { toolCallId, parts, isError, executor } = event.value;
      const result = create(ToolResultPartSchema, { toolCallId, parts, isError, executor });
      const step = stepOf(event.value.step);
      if (executor === Executor.PLATFORM) step.platformResults.push(result);
      else partOf(step, event.value.part).kind = { case: "toolResult", value: result };
      return;
    }
    case "providerState":
      if (event.value.state !== undefined) {
        partOf(stepOf(event.value.step), event.value.part).providerState.push(event.value.state);
      }
      return;
    case "citation":
      if (event.value.citation !== undefined) {
        const part = partOf(stepOf(event.value.step), event.value.part);
        addText(part, "");
        if (part.kind.case === "text") part.kind.value.citations.push(event.value.citation);
      }
      return;
    case "image":
      if (event.value.image !== undefined)
        setImage(partOf(stepOf(event.value.step), event.value.part), event.value.image);
      return;
    case "audio":
      return addAudio(partOf(stepOf(event.value.step), event.value.part), event.value);
    default:
      return;
  }
}

function addText(part: Part, text: string): void {
  if (part.kind.case === "text") part.kind.value.text += text;
  else part.kind = { case: "text", value: { $typeName: "execution.v1.TextPart", text, citations: [] } };
}

function addReasoning(part: Part, text: string): void {
  if (part.kind.case === "reasoning") part.kind.value.text += text;
  else part.kind = { case: "reasoning", value: { $typeName: "execution.v1.ReasoningPart", text } };
}

function addRefusal(part: Part, text: string): void {
  if (part.kind.case === "refusal") part.kind.value.text += text;
  else part.kind = { case: "refusal", value: { $typeName: "execution.v1.RefusalPart", text } };
}

function setImage(part: Part, image: ImagePart): void {
  part.kind = { case: "image", value: image };
}

function addAudio(
  part: Part,
  piece: {
    readonly data: Uint8Array;
    readonly mimeType: string;
    readonly transcript: string;
    readonly providerId: string;
  },
): void {
  const audio: AudioPart =
    part.kind.case === "audio"
      ? part.kind.value
      : { $typeName: "execution.v1.AudioPart", source: { case: undefined }, mimeType: "", transcript: "" };
  part.kind = { case: "audio", value: audio };
  audio.mimeType ||= piece.mimeType;
  audio.transcript += piece.transcript;
  // Where the provider keeps the sound, its id is what goes back; the bytes were for the listener.
  if (piece.providerId !== "") audio.source = { case: "providerId", value: piece.providerId };
  else if (audio.source.case === "data") audio.source.value = concat(audio.source.value, piece.data);
  else if (audio.source.case === undefined && piece.data.length > 0) audio.source = { case: "data", value: piece.data };
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function stepMessages(step: StepFold): Message[] {
  const parts = [...step.parts.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, part]) => part)
    .filter((part) => part.kind.case !== undefined || part.providerState.length > 0);
  const messages = [create(MessageSchema, { role: MessageRole.ASSISTANT, parts })];
  if (step.platformResults.length > 0) {
    messages.push(
      create(MessageSchema, {
        role: MessageRole.TOOL,
        parts: step.platformResults.map((value) => create(PartSchema, { kind: { case: "toolResult", value } })),
      }),
    );
  }
  return messages;
}
