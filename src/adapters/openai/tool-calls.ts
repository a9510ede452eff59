import {
  type ChatEvent,
  type Place,
  providerState,
  type ToolCallHead,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
} from "../../contract/events.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import { asCount, asObject, asWord, type JsonObject } from "../json.ts";
import { ENTRY_COST, type Kept, PART_COST } from "../kept.ts";
import { createPieces, type Pieces } from "../pieces.ts";
import { createJsonEnd, type JsonEnd } from "./json-end.ts";

/** Where the calls of an answer are put, and whose they are. */
export interface ToolCallsContext {
  /** The next free place of the answer's message. */
  readonly nextPlace: () => Place;
  /** A fresh id for a call whose provider gives none. */
  readonly newId: () => string;
  /** Vendor that owns state which comes with a call. */
  readonly owner: string;
  /** Counts what is kept of the answer. */
  readonly kept: Kept;
}

/** The tool calls of one answer. */
export interface ToolCalls {
  /** How many there are. */
  readonly count: () => number;
  /** Takes an entry of `tool_calls`. A `whole` one, of a document, is a call of its own; others are told apart by index, id and name. */
  add(entry: JsonObject, whole: boolean, out: ChatEvent[]): void;
  /** Ends every call. */
  finish(out: ChatEvent[]): void;
}

interface Call {
  readonly index: number | undefined;
  readonly freeForm: boolean;
  readonly pieces: Pieces;
  /** As the provider gave it; empty until it does. */
  id: string;
  name: string;
  /** Arguments so far, sent or not. */
  text: string;
  /** Whether these are complete. */
  readonly json: JsonEnd;
  /** Provider state that came before the call could be started, JSON text; empty if there is none. */
  state: string;
  /** Set once the call was started, with its place; until its name is known it cannot be. */
  started: { readonly place: Place; readonly head: ToolCallHead } | undefined;
}

/**
 * Collects the tool calls of chat completions: parallel and interleaved ones, whole or in pieces, functions (`function.arguments`, a text or,
 * against the specification, an object) and custom tools (`custom.input`, free text). `index` may be missing (Mistral, Gemini, Ollama) or the
 * same for all, ids may be missing, repeated or late. State beside a call (Gemini's `extra_content`) becomes provider state of its part, kind
 * `extra_content`, as JSON text.
 */
export function createToolCalls({ nextPlace, newId, owner, kept }: ToolCallsContext): ToolCalls {
  const calls: Call[] = [];
  const ids = new Set<string>();

  const open = (entry: JsonObject): Call => {
    kept.add(PART_COST);
    const call: Call = {
      index: asCount(entry.index),
      freeForm: asObject(entry.custom) !== undefined,
      pieces: createPieces(),
      id: "",
      name: "",
      text: "",
      json: createJsonEnd(),
      state: "",
      started: undefined,
    };
    calls.push(call);
    return call;
  };

  const start = (call: Call, out: ChatEvent[]): NonNullable<Call["started"]> => {
    const idMinted = call.id === "" || ids.has(call.id);
    const id = idMinted ? newId() : call.id;
    kept.add(id.length + call.name.length);
    ids.add(id);
    const head = { id, idMinted, name: call.name, executor: Executor.CALLER, freeForm: call.freeForm };
    const started = { place: nextPlace(), head };
    call.started = started;
    out.push(toolCallStarted(started.place, head));
    if (call.text !== "") out.push(toolCallDelta(started.place, call.text));
    if (call.state !== "") out.push(extraContent(started.place, owner, call.state));
    return started;
  };

  const append = (call: Call, text: string, out: ChatEvent[]): void => {
    if (text === "") return;
    kept.add(ENTRY_COST + text.length);
    call.text += text;
    call.json.add(text);
    if (call.started !== undefined) out.push(toolCallDelta(call.started.place, text));
  };

  const addState = (call: Call, state: JsonObject | undefined, out: ChatEvent[]): void => {
    if (state === undefined) return;
    const text = JSON.stringify(state);
    if (call.started !== undefined) {
      out.push(extraContent(call.started.place, owner, text));
      return;
    }
    kept.add(text.length - call.state.length);
    call.state = text;
  };

  return {
    count: () => calls.length,
    add: (entry, whole, out) => {
      const tool = asObject(entry.function) ?? asObject(entry.custom) ?? {};
      const call = (whole ? undefined : findCall(calls, entry, asWord(tool.name))) ?? open(entry);
      call.id ||= asWord(entry.id);
      call.name ||= asWord(tool.name);
      if (call.started === undefined && call.name !== "") start(call, out);
      append(call, call.pieces.next(argumentsText(tool.arguments ?? tool.input)), out);
      addState(call, asObject(entry.extra_content), out);
    },
    finish: (out) => {
      for (const call of calls) {
        append(call, call.pieces.rest(), out);
        const { place, head } = call.started ?? start(call, out);
        out.push(toolCallFinished(place, head, call.text));
      }
    },
  };
}

/** State that Gemini's compatible endpoint wants back where it was (ai.google.dev/gemini-api/docs/thought-signatures). */
export function extraContent(place: Place, owner: string, json: string): ChatEvent {
  return providerState(place, { owner, kind: "extra_content", data: new TextEncoder().encode(json) });
}

/** The call an entry goes on with; undefined if it begins one. */
function findCall(calls: readonly Call[], entry: JsonObject, name: string): Call | undefined {
  const index = asCount(entry.index);
  const id = asWord(entry.id);
  if (index === undefined) {
    if (id !== "") return calls.find((call) => call.id === id);
    return name === "" ? calls.at(-1) : undefined;
  }
  const call = calls.findLast((candidate) => candidate.index === index);
  if (call === undefined || name === "" || call.name === "") return call;
  // The index is taken, and a name comes again: another id or arguments that are complete already mean another call.
  const isOther = id !== "" && call.id !== "" ? id !== call.id : call.json.isComplete;
  return isOther ? undefined : call;
}

function argumentsText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}
