import {
  type ChatEvent,
  type Place,
  providerState,
  reasoningDelta,
  refusalDelta,
  textDelta,
} from "../../contract/events.ts";
import { asArray, asObject, asText, type JsonObject } from "../json.ts";
import { createKept } from "../kept.ts";
import { createPieces, type Pieces } from "../pieces.ts";
import {
  type AudioReader,
  citationEvent,
  createAudioReader,
  imageEvent,
  logprobsEvent,
  readCitation,
  readImage,
  readLogprobs,
} from "./media.ts";
import { createReasoningDetails } from "./reasoning-details.ts";
import { createToolCalls, extraContent } from "./tool-calls.ts";

/** What an answer's message is read for. */
export interface MessageContext {
  readonly step: number;
  /** Vendor that owns the provider state in it. */
  readonly owner: string;
  /** A fresh id for a tool call whose provider gives none. */
  readonly newId: () => string;
}

/** The message of one answer: a whole one or its deltas become events. */
export interface MessageReader {
  /** Takes a message (`whole`) or a delta. */
  add(message: JsonObject, whole: boolean, out: ChatEvent[]): void;
  /** Takes the `logprobs` of a choice, after its text. */
  addLogprobs(logprobs: JsonObject, out: ChatEvent[]): void;
  /** Takes the sources a provider lists beside the choices, whole or longer each time. */
  addSources(sources: readonly unknown[], out: ChatEvent[]): void;
  /** Ends every part: what was held back, state, tool calls. */
  finish(out: ChatEvent[]): void;
  readonly toolCallCount: () => number;
  readonly hasRefusal: () => boolean;
}

type TextKind = "text" | "reasoning" | "refusal";

interface TextPart {
  readonly pieces: Pieces;
  /** Numbered with its first event, so that numbers follow the order of appearance. */
  place: Place | undefined;
}

const DELTAS = { text: textDelta, reasoning: reasoningDelta, refusal: refusalDelta };

/**
 * Reads messages of chat completions. Parts are numbered in order of first appearance. There is one text, one reasoning and one refusal,
 * because the wire has one field for each; only where `content` is a list of parts (Mistral) does a change between thinking and text begin a
 * new part. Reasoning is `reasoning_content`, `reasoning`, parts of type `thinking`, or else the text of `reasoning_details`, never twice.
 * State that has to go back: signed or encrypted `reasoning_details` with the reasoning's part (kind `reasoning_details`, a JSON array), and
 * `extra_content` of the message in a part of its own (kind `extra_content`, a JSON object).
 */
export function createMessageReader({ step, owner, newId }: MessageContext): MessageReader {
  let parts = 0;
  const nextPlace = (): Place => ({ step, part: parts++ });
  const texts: Record<TextKind, TextPart | undefined> = { text: undefined, reasoning: undefined, refusal: undefined };
  const kept = createKept();
  const toolCalls = createToolCalls({ nextPlace, newId, owner, kept });
  const details = createReasoningDetails(kept);
  let inParts = false;
  let audio: AudioReader | undefined;
  let sources = 0;
  let hasRefusal = false;

  const textPart = (kind: TextKind): TextPart => {
    const part = texts[kind] ?? { pieces: createPieces(), place: undefined };
    texts[kind] = part;
    return part;
  };

  const placeOf = (kind: TextKind): Place => {
    const part = textPart(kind);
    part.place ??= nextPlace();
    return part.place;
  };

  const sayPiece = (kind: TextKind, piece: string, out: ChatEvent[]): void => {
    if (piece !== "") out.push(DELTAS[kind](placeOf(kind), piece));
  };

  const say = (kind: TextKind, text: string, out: ChatEvent[]): void => {
    if (text === "") return;
    if (inParts) closeText(kind === "text" ? "reasoning" : "text", out);
    sayPiece(kind, textPart(kind).pieces.next(text), out);
  };

  const closeText = (kind: TextKind, out: ChatEvent[]): void => {
    sayPiece(kind, texts[kind]?.pieces.rest() ?? "", out);
    texts[kind] = undefined;
  };

  const addContentPart = (value: unknown, out: ChatEvent[]): void => {
    const part = asObject(value);
    if (part === undefined) return say("text", asText(value), out);
    if (part.type === "thinking") {
      const { thinking } = part;
      const pieces = Array.isArray(thinking)
        ? thinking.map((piece) => asText(asObject(piece)?.text))
        : [asText(thinking)];
      return say("reasoning", pieces.join(""), out);
    }
    if (part.type === "image_url") return addImage(part, out);
    return say("text", asText(part.text), out);
  };

  const addContent = (content: unknown, out: ChatEvent[]): void => {
    if (typeof content === "string") return say("text", content, out);
    if (!Array.isArray(content)) return;
    inParts = true;
    for (const part of content) addContentPart(part, out);
  };

  const addReasoning = (message: JsonObject, out: ChatEvent[]): void => {
    const detailText = message.reasoning_details === undefined ? "" : details.add(message.reasoning_details);
    say("reasoning", asText(message.reasoning_content) || asText(message.reasoning) || detailText, out);
  };

  const addToolCalls = (message: JsonObject, whole: boolean, out: ChatEvent[]): void => {
    for (const entry of asArray(message.tool_calls)) {
      const call = asObject(entry);
      if (call !== undefined) toolCalls.add(call, whole, out);
    }
    const legacy = asObject(message.function_call);
    if (legacy !== undefined) toolCalls.add({ function: legacy }, whole, out);
  };

  const addImage = (value: unknown, out: ChatEvent[]): void => {
    const image = readImage(value);
    if (image !== undefined) out.push(imageEvent(nextPlace(), image));
  };

  const addCitation = (value: unknown, out: ChatEvent[]): void => {
    const citation = readCitation(value);
    if (citation !== undefined) out.push(citationEvent(placeOf("text"), citation));
  };

  const addLogprobs = (kind: TextKind, value: unknown, out: ChatEvent[]): void => {
    const tokens = readLogprobs(value);
    if (tokens.length > 0) out.push(logprobsEvent(placeOf(kind), tokens));
  };

  const addMedia = (message: JsonObject, out: ChatEvent[]): void => {
    const sound = asObject(message.audio);
    if (sound !== undefined) {
      audio ??= createAudioReader(nextPlace);
      push(audio.add(sound), out);
    }
    for (const image of asArray(message.images)) addImage(image, out);
    for (const annotation of asArray(message.annotations)) addCitation(annotation, out);
  };

  const finishReasoning = (out: ChatEvent[]): void => {
    sayPiece("reasoning", texts.reasoning?.pieces.rest() ?? "", out);
    const state = details.state();
    if (state === undefined) return;
    const data = new TextEncoder().encode(state);
    out.push(providerState(placeOf("reasoning"), { owner, kind: "reasoning_details", data }));
  };

  return {
    add: (message, whole, out) => {
      addReasoning(message, out);
      addContent(message.content, out);
      if (typeof message.refusal === "string" && message.refusal !== "") {
        hasRefusal = true;
        say("refusal", message.refusal, out);
      }
      addToolCalls(message, whole, out);
      addMedia(message, out);
      const state = asObject(message.extra_content);
      if (state !== undefined) out.push(extraContent(nextPlace(), owner, JSON.stringify(state)));
    },
    addLogprobs: ({ content, refusal }, out) => {
      addLogprobs("text", content, out);
      addLogprobs("refusal", refusal, out);
    },
    addSources: (listed, out) => {
      if (listed.length <= sources) return;
      for (const source of listed.slice(sources)) addCitation(source, out);
      sources = listed.length;
    },
    finish: (out) => {
      finishReasoning(out);
      closeText("text", out);
      closeText("refusal", out);
      push(audio?.rest(), out);
      toolCalls.finish(out);
    },
    toolCallCount: toolCalls.count,
    hasRefusal: () => hasRefusal,
  };
}

function push(event: ChatEvent | undefined, out: ChatEvent[]): void {
  if (event !== undefined) out.push(event);
}
