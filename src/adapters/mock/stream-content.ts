import {
  type ChatEvent,
  type Place,
  providerState,
  reasoningDelta,
  refusalDelta,
  type ToolCallHead,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
  warning,
} from "../../contract/events.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import { MOCK_OWNER } from "./models.ts";
import type { PartKind, PartNumbers } from "./parts.ts";
import type { EventStep, ScriptedToolCall } from "./script.ts";
import { audioEvent, bytesOf, citationEvent, imageEvent, logprobsEvent, toolResultEvent } from "./stream-single.ts";
import type { OutputCounter } from "./usage.ts";

/** Where the play of a script's content stands. */
export interface PlayState {
  readonly step: number;
  readonly parts: PartNumbers;
  readonly used: OutputCounter;
  readonly newId: () => string;
  /** Tool calls of the conversation so far. */
  toolCalls: number;
  /** True once a tool of the caller was called. */
  callsOut: boolean;
}

/** A step that is content, state or a warning. */
export type ContentStep = Exclude<EventStep, { finish: unknown } | { usage: unknown } | { no_usage: unknown }>;

/** The events of one step, made one by one; none is made twice, since they are numbered in place later. */
export function* contentEvents(step: ContentStep, play: PlayState): Generator<ChatEvent> {
  if ("text" in step) yield* deltas(step.text, step.repeat, place("text", step.part, play), textDelta, play.used.text);
  else if ("reasoning" in step) {
    yield* deltas(
      step.reasoning,
      step.repeat,
      place("reasoning", step.part, play),
      reasoningDelta,
      play.used.reasoning,
    );
  } else if ("refusal" in step) {
    yield* deltas(step.refusal, step.repeat, place("refusal", step.part, play), refusalDelta, play.used.text);
  } else if ("tool_call" in step) yield* toolCallEvents([step.tool_call], play);
  else if ("tool_calls" in step) yield* toolCallEvents(step.tool_calls, play);
  else yield singleEvent(step, play);
}

type SingleStep = Exclude<
  ContentStep,
  { text: unknown } | { reasoning: unknown } | { refusal: unknown } | { tool_call: unknown } | { tool_calls: unknown }
>;

function singleEvent(step: SingleStep, play: PlayState): ChatEvent {
  if ("warning" in step) return warning(step.warning.code, step.warning.field ?? "", step.warning.text ?? "");
  if ("tool_result" in step) return toolResultEvent(step.tool_result, place("tool_result", undefined, play));
  if ("image" in step) {
    play.used.image();
    return imageEvent(step.image, place("image", undefined, play));
  }
  if ("audio" in step) {
    play.used.audio(step.audio.transcript ?? "");
    return audioEvent(step.audio, place("audio", step.part, play));
  }
  if ("citation" in step) return citationEvent(step.citation, annotated(step.part, play));
  if ("logprobs" in step) return logprobsEvent(step.logprobs, annotated(step.part, play));
  const { kind, data, owner } = step.provider_state;
  const at = { step: play.step, part: play.parts.state(step.part) };
  return providerState(at, { owner: owner ?? MOCK_OWNER, kind, data: bytesOf(data) });
}

function place(kind: Exclude<PartKind, "state">, label: string | undefined, play: PlayState): Place {
  return { step: play.step, part: known(play.parts.content(kind, label)) };
}

function annotated(label: string | undefined, play: PlayState): Place {
  return { step: play.step, part: known(play.parts.annotated(label)) };
}

function known(part: number | undefined): number {
  if (part === undefined) throw new Error("a label of two kinds passed the rules of scripts");
  return part;
}

function* deltas(
  pieces: readonly string[],
  repeat: number | undefined,
  at: Place,
  toEvent: (at: Place, piece: string) => ChatEvent,
  count: (piece: string) => void,
): Generator<ChatEvent> {
  for (let round = 0; round < (repeat ?? 1); round += 1) {
    for (const piece of pieces) {
      count(piece);
      yield toEvent(at, piece);
    }
  }
}

interface OpenCall {
  readonly at: Place;
  readonly head: ToolCallHead;
  readonly pieces: readonly string[];
}

/** All calls begin, their pieces arrive in turns, then all end: one call is played in order, several interleave. */
function* toolCallEvents(calls: readonly ScriptedToolCall[], play: PlayState): Generator<ChatEvent> {
  const open: OpenCall[] = [];
  for (const scripted of calls) {
    const call = openCall(scripted, play);
    open.push(call);
    yield toolCallStarted(call.at, call.head);
  }
  const rounds = Math.max(...open.map(({ pieces }) => pieces.length));
  for (let round = 0; round < rounds; round += 1) {
    for (const { at, pieces } of open) {
      const piece = pieces[round];
      if (piece === undefined) continue;
      play.used.text(piece);
      yield toolCallDelta(at, piece);
    }
  }
  for (const { at, head, pieces } of open) yield toolCallFinished(at, head, pieces.join(""));
}

function openCall(call: ScriptedToolCall, play: PlayState): OpenCall {
  const executor = call.executor === "PROVIDER" ? Executor.PROVIDER : Executor.CALLER;
  if (executor === Executor.CALLER) play.callsOut = true;
  else play.used.extra(call.name);
  play.used.text(call.name);
  const idMinted = call.id === "";
  const head = {
    id: idMinted ? play.newId() : idOf(call, play),
    idMinted,
    name: call.name,
    executor,
    freeForm: call.free_form === true,
  };
  return { at: place("tool_call", call.part, play), head, pieces: call.arguments ?? [] };
}

function idOf({ id }: ScriptedToolCall, play: PlayState): string {
  if (id !== undefined) return id;
  play.toolCalls += 1;
  return `mock_call_${play.toolCalls}`;
}
