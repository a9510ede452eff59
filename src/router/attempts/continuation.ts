import { create } from "@bufbuild/protobuf";
import { type ChatEvent, isContent } from "../../contract/events.ts";
import { createFold } from "../../contract/fold.ts";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type Message, MessageRole, MessageSchema } from "../../gen/execution/v1/content_pb.js";
import type { Call } from "../call.ts";

/** How an attempt goes on with an answer. */
export interface Going {
  readonly request: ChatRequest;
  /** Puts the attempt's events behind what was said: its text goes on in the last part, whatever else it says is in parts of its own. */
  readonly adjust: (events: readonly ChatEvent[]) => readonly ChatEvent[];
}

/** Follows the answer of a step so that another candidate can go on with it. */
export interface Continuation {
  /** True while what was said is text alone, reasoning aside: a tool call or a picture cannot be begun by one and ended by another. */
  isPossible(): boolean;
  /** True once anything was said. */
  hasContent(): boolean;
  /** What the next attempt is sent: the call's request, with what was said as the beginning of the assistant's message. */
  request(): ChatRequest;
  /**
   * How the next attempt goes on; undefined while nothing was said. Every attempt is begun here: until the next one its events are taken for the
   * answer's.
   */
  begin(): Going | undefined;
  /** Takes events that were handed on. */
  add(events: readonly ChatEvent[]): void;
}

/** Content that a prefix can hold, or that may be left out of it. */
const CONTINUABLE: ReadonlySet<string> = new Set(["textDelta", "reasoningDelta"]);

/** Creates the continuation of the call's step. */
export function createContinuation({ step, resolved }: Call): Continuation {
  const fold = createFold();
  let hasContent = false;
  let isPossible = true;
  let lastTextPart = 0;
  let parts = 0;
  const said = (): string => textOf(fold.messages());
  const request = (): ChatRequest => withPrefix(resolved.request, said().trimEnd());
  const begin = (): Going | undefined => {
    if (!hasContent) return undefined;
    const trimmed = said().slice(said().trimEnd().length);
    return { request: request(), adjust: createAdjustment({ textPart: lastTextPart, firstFree: parts, trimmed }) };
  };
  return {
    isPossible: () => isPossible && hasContent,
    hasContent: () => hasContent,
    request,
    begin,
    add: (events) => {
      for (const event of events) {
        const { event: told } = event;
        fold.add(event);
        if (told.value !== undefined && "part" in told.value && told.value.step === step) {
          parts = Math.max(parts, told.value.part + 1);
          if (told.case === "textDelta") lastTextPart = told.value.part;
        }
        if (!isContent(event)) continue;
        hasContent = true;
        isPossible &&= CONTINUABLE.has(told.case ?? "");
      }
    },
  };
}

function textOf(messages: readonly Message[]): string {
  const parts = messages.flatMap((message) => message.parts);
  return parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("");
}

function withPrefix(request: ChatRequest, text: string): ChatRequest {
  if (text === "") return request;
  const parts = [{ kind: { case: "text" as const, value: { text } } }];
  const begun = create(MessageSchema, { role: MessageRole.ASSISTANT, prefix: true, parts });
  return { ...request, messages: [...request.messages, begun] };
}

interface Seam {
  /** The part that the answer's text goes on in. */
  readonly textPart: number;
  /** The first part that nothing is in. */
  readonly firstFree: number;
  /** White space at the end of what was said: providers refuse a prefix that ends in it, so a candidate may say it again. */
  readonly trimmed: string;
}

/** Renumbers the parts of the attempt that goes on. Its first text joins the last text; every other part gets the next free number. */
function createAdjustment({ textPart, firstFree, trimmed }: Seam): Going["adjust"] {
  const numbers = new Map<number, number>();
  let free = firstFree;
  let hasText = false;
  let atSeam = trimmed !== "";
  const numberOf = (part: number, isText: boolean): number => {
    const known = numbers.get(part);
    if (known !== undefined) return known;
    const made = isText && !hasText ? textPart : free++;
    hasText ||= isText;
    numbers.set(part, made);
    return made;
  };
  return (events) => {
    for (const { event } of events) {
      if (event.value === undefined || !("part" in event.value)) continue;
      event.value.part = numberOf(event.value.part, event.case === "textDelta");
      if (event.case !== "textDelta" || !atSeam) continue;
      event.value.text = event.value.text.trimStart();
      atSeam = event.value.text === "";
    }
    return events;
  };
}
