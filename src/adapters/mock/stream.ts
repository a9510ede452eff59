import { type ChatEvent, chatEvent, usageEvent } from "../../contract/events.ts";
import { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import type { ScriptedError } from "./errors.ts";
import { createPartNumbers } from "./parts.ts";
import type { EventStep, Script, ScriptedFinish, ScriptedUsage, Step } from "./script.ts";
import { isEventStep } from "./script-rules.ts";
import { contentEvents, type PlayState } from "./stream-content.ts";
import type { InputTokens } from "./tokens.ts";
import { createOutputCounter, toUsage } from "./usage.ts";

/** What happens next in an answer: something arrives, nothing does for a while or for ever, or the provider fails. */
export type Beat =
  | { readonly kind: "read"; readonly events: readonly ChatEvent[] }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "fail"; readonly error: ScriptedError };

/** What a script needs to know of the attempt it is played in. */
export interface PlayContext {
  readonly step: number;
  readonly attempt: number;
  /** Counts the input, for a usage the script does not give. */
  readonly countInput: () => InputTokens;
  /** Tool calls the conversation has so far, so that ids stay unique in it. */
  readonly toolCalls: number;
  /** Makes the id of a call whose script says that the provider gave none (`id: ""`). */
  readonly newId: () => string;
}

/**
 * Plays a script: yields what happens, one beat at a time and made only when it is asked for. A script that neither ends itself nor fails is
 * finished for it, with TOOL_CALLS if it called a tool of the caller, else STOP. After `truncate` it ends without `finished`.
 */
export function* playScript(script: Script, context: PlayContext): Generator<Beat> {
  const play = createPlay(context);
  for (const step of script) {
    if ("truncate" in step) return;
    yield* beatsOf(step, play);
    if (play.ended || "error" in step || "stall" in step) return;
  }
  yield { kind: "read", events: [...finishEvents(undefined, play)] };
}

interface Play extends PlayState {
  readonly context: PlayContext;
  /** The last usage of the script; `none` if it shall have none. */
  usage: ScriptedUsage | "none" | undefined;
  ended: boolean;
}

function createPlay(context: PlayContext): Play {
  return {
    context,
    step: context.step,
    parts: createPartNumbers(),
    used: createOutputCounter(),
    newId: context.newId,
    toolCalls: context.toolCalls,
    callsOut: false,
    usage: undefined,
    ended: false,
  };
}

function* beatsOf(step: Step, play: Play): Generator<Beat> {
  if ("delay_ms" in step) yield { kind: "wait", delayMs: step.delay_ms };
  else if ("stall" in step) yield { kind: "wait", delayMs: Number.POSITIVE_INFINITY };
  else if ("error" in step) yield { kind: "fail", error: step.error };
  else if ("together" in step)
    yield { kind: "read", events: step.together.flatMap((inner) => [...eventsOf(inner, play)]) };
  else if ("finish" in step) yield { kind: "read", events: [...eventsOf(step, play)] };
  else if (isEventStep(step)) {
    const perRead = "per_read" in step ? (step.per_read ?? 1) : 1;
    for (const events of inReads(eventsOf(step, play), perRead)) yield { kind: "read", events };
  }
}

function* inReads(events: Iterable<ChatEvent>, perRead: number): Generator<readonly ChatEvent[]> {
  let read: ChatEvent[] = [];
  for (const event of events) {
    read.push(event);
    if (read.length < perRead) continue;
    yield read;
    read = [];
  }
  if (read.length > 0) yield read;
}

function* eventsOf(step: EventStep, play: Play): Generator<ChatEvent> {
  if ("finish" in step) yield* finishEvents(step.finish, play);
  else if ("no_usage" in step) play.usage = "none";
  else if ("usage" in step) {
    play.usage = step.usage;
    const final = step.usage.final === true;
    yield usageEvent(play.step, play.context.attempt, toUsage(step.usage, final), final);
  } else yield* contentEvents(step, play);
}

/** The final usage, unless the script has had it or shall have none, and `finished`. */
function* finishEvents(finish: ScriptedFinish | undefined, play: Play): Generator<ChatEvent> {
  play.ended = true;
  const { usage, context } = play;
  if (usage !== "none" && usage?.final !== true) {
    const last = usage ?? play.used.total(context.countInput());
    yield usageEvent(play.step, context.attempt, toUsage(last, true), true);
  }
  const reason = finish?.reason ?? (play.callsOut ? "TOOL_CALLS" : "STOP");
  yield chatEvent({
    case: "finished",
    value: {
      $typeName: "execution.v1.Finished",
      reason: FinishReason[reason],
      providerReason: finish?.provider_reason ?? reason.toLowerCase(),
      providerMessage: finish?.provider_message ?? "",
      attempt: 0,
      priceVersion: "",
      attempts: [],
    },
  });
}
