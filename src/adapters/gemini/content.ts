import {
  type ChatEvent,
  chatEvent,
  type Place,
  providerState,
  reasoningDelta,
  textDelta,
} from "../../contract/events.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import { asObject, asWord, type JsonObject } from "../json.ts";
import { createKept } from "../kept.ts";
import { createPieces, type Pieces } from "../pieces.ts";
import { createCalls } from "./function-calls.ts";
import { audioEvent, imageEvent, logprobsEvent, readLogprobs } from "./media.ts";
import { type PartContent, type ReadPart, readPart } from "./part-reading.ts";
import { citationEvent, createSources } from "./sources.ts";
import type { RawParts } from "./wire-json.ts";

/** Vendor that owns the state in an answer: both surfaces are Google's, and take each other's. */
export const OWNER = "gemini";

/** What an answer's content is read for. */
export interface ContentContext {
  readonly step: number;
  /** A fresh id for a tool call whose provider gives none. */
  readonly newId: () => string;
  /** Who runs the function of a name. */
  readonly executorOf: (name: string) => Executor;
}

/** The content of one answer: the parts of a candidate, chunk by chunk, become events. */
export interface ContentReader {
  /** Calls of functions that wait for the caller. */
  readonly waitingCalls: () => number;
  /** Searches that were made for the answer. */
  readonly queries: () => number;
  /** Takes the parts of a chunk; `raw` gives their JSON. */
  add(parts: readonly unknown[], raw: RawParts, out: ChatEvent[]): void;
  /** Takes what a candidate says beside its content: sources and log probabilities. */
  addMetadata(candidate: JsonObject, out: ChatEvent[]): void;
  /** Ends every part. */
  finish(out: ChatEvent[]): void;
}

/** Text or reasoning that the next part of its kind goes on with. */
interface OpenText {
  readonly kind: "text" | "reasoning";
  readonly pieces: Pieces;
  /** Numbered with its first event, so that numbers follow the order of appearance. */
  place: Place | undefined;
}

const DELTAS = { text: textDelta, reasoning: reasoningDelta };

/**
 * Reads the parts of `generateContent`. Neighbouring texts of one kind without a signature are one part; a text with a signature is a part of its
 * own, because signed and unsigned parts must not be joined when they go back (ai.google.dev/gemini-api/docs/thought-signatures). State that
 * has to go back: `thought_signature`, the signature's own text, on the part it came with, and `part`, the JSON of a part without its
 * signature, where the typed events do not hold all of it: what the provider ran, and parts of kinds that are not known here.
 */
export function createContentReader({ step, newId, executorOf }: ContentContext): ContentReader {
  let parts = 0;
  const nextPlace = (): Place => ({ step, part: parts++ });
  const kept = createKept();
  const calls = createCalls({ nextPlace, newId, executorOf, kept });
  const sources = createSources(kept);
  let open: OpenText | undefined;
  let sound: { readonly mimeType: string; readonly place: Place } | undefined;
  let latestText: Place | undefined;

  const sayPiece = (piece: string, out: ChatEvent[]): void => {
    if (open === undefined || piece === "") return;
    open.place ??= nextPlace();
    if (open.kind === "text") latestText = open.place;
    out.push(DELTAS[open.kind](open.place, piece));
  };

  /** Ends what the next part could go on with. */
  const close = (out: ChatEvent[]): void => {
    sayPiece(open?.pieces.rest() ?? "", out);
    open = undefined;
    sound = undefined;
    calls.close(out);
  };

  const say = (kind: OpenText["kind"], text: string, out: ChatEvent[]): void => {
    if (open?.kind !== kind) {
      close(out);
      open = { kind, pieces: createPieces(), place: undefined };
    }
    sayPiece(open.pieces.next(text), out);
  };

  const addSound = (mimeType: string, base64: string, isSigned: boolean, out: ChatEvent[]): Place => {
    if (sound?.mimeType !== mimeType || isSigned) close(out);
    sound ??= { mimeType, place: nextPlace() };
    out.push(audioEvent(sound.place, mimeType, base64));
    return sound.place;
  };

  /** Writes a part that stands for itself and returns its place. */
  const addContent = (content: Exclude<PartContent, { kind: "audio" | "function" }>, out: ChatEvent[]): Place => {
    close(out);
    switch (content.kind) {
      case "provider_call":
        return calls.addProvider(content.name, content.id, content.argumentsJson, out);
      case "provider_result": {
        const place = nextPlace();
        out.push(providerResult(place, calls.answered(content.id, content.name), content));
        return place;
      }
      case "image": {
        const place = nextPlace();
        out.push(imageEvent(place, content.mimeType, content.base64));
        return place;
      }
      case "other":
        return nextPlace();
      default: {
        const place = nextPlace();
        if (content.text === "") return place;
        if (content.kind === "text") latestText = place;
        out.push(DELTAS[content.kind](place, content.text.toWellFormed()));
        return place;
      }
    }
  };

  const addPart = ({ content, signature, isExact }: ReadPart, raw: () => string, out: ChatEvent[]): void => {
    const addState = (place: Place, kind: string, text: string): void => {
      out.push(providerState(place, { owner: OWNER, kind, data: new TextEncoder().encode(text) }));
    };
    if (isText(content) && isExact && signature === "") {
      if (content.text !== "") say(content.kind, content.text, out);
      return;
    }
    const place = ((): Place => {
      if (content.kind === "audio")
        return addSound(content.mimeType, content.base64, signature !== "" || !isExact, out);
      if (content.kind !== "function") return addContent(content, out);
      // A streamed call goes on; anything else ends what came before.
      if (!calls.isOpen()) close(out);
      return calls.addFunction(content.called, content.argumentsJson, out);
    })();
    if (!isExact || needsWhole(content)) addState(place, "part", raw());
    if (signature !== "") addState(place, "thought_signature", signature);
  };

  /** A thought without its text would go back as an answer, and a function that the provider called as one of the caller's. */
  const needsWhole = (content: PartContent): boolean =>
    content.kind === "function"
      ? executorOf(asWord(content.called.name)) === Executor.PROVIDER
      : content.kind === "reasoning" && content.text === "";

  /** Where sources and log probabilities belong: the last text, or a new one that is still empty. */
  const textPlace = (out: ChatEvent[]): Place => {
    if (latestText !== undefined) return latestText;
    close(out);
    const place = nextPlace();
    open = { kind: "text", pieces: createPieces(), place };
    latestText = place;
    return place;
  };

  return {
    waitingCalls: calls.waiting,
    queries: sources.queries,
    add: (list, raw, out) => {
      for (const [index, entry] of list.entries()) {
        const part = asObject(entry);
        if (part !== undefined) addPart(readPart(part, index, raw), () => raw.part(index), out);
      }
    },
    addMetadata: (candidate, out) => {
      for (const citation of sources.add(candidate)) out.push(citationEvent(textPlace(out), citation));
      const tokens = readLogprobs(asObject(candidate.logprobsResult) ?? {});
      if (tokens.length > 0) out.push(logprobsEvent(textPlace(out), tokens));
    },
    finish: close,
  };
}

function isText(content: PartContent): content is Extract<PartContent, { kind: "text" | "reasoning" }> {
  return content.kind === "text" || content.kind === "reasoning";
}

function providerResult(
  place: Place,
  toolCallId: string,
  { text, isError }: { readonly text: string; readonly isError: boolean },
): ChatEvent {
  const said = { $typeName: "execution.v1.TextPart" as const, text: text.toWellFormed(), citations: [] };
  return chatEvent({
    case: "toolResult",
    value: {
      $typeName: "execution.v1.ToolResult",
      ...place,
      toolCallId,
      parts: [{ $typeName: "execution.v1.Part", kind: { case: "text", value: said }, providerState: [] }],
      isError,
      executor: Executor.PROVIDER,
    },
  });
}
