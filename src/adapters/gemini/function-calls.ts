import {
  type ChatEvent,
  type Place,
  type ToolCallHead,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
} from "../../contract/events.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import { asArray, asObject, asWord, type JsonObject } from "../json.ts";
import { ENTRY_COST, type Kept, PART_COST } from "../kept.ts";
import { mintId } from "./call-ids.ts";
import { createPartialArguments, type PartialArguments } from "./partial-arguments.ts";

/** Where the calls of an answer are put, and who runs them. */
export interface CallsContext {
  /** The next free place of the answer's message. */
  readonly nextPlace: () => Place;
  /** A fresh id for a call whose provider gives none. */
  readonly newId: () => string;
  /** Who runs the function of a name. */
  readonly executorOf: (name: string) => Executor;
  /** Counts what is kept of the answer. */
  readonly kept: Kept;
}

/** The calls of one answer, functions and the provider's own tools. */
export interface Calls {
  /** Calls of functions that nobody has answered: the caller's turn. */
  readonly waiting: () => number;
  /** True while the pieces of a streamed call may go on. */
  readonly isOpen: () => boolean;
  /** Takes a `functionCall`, whole or a piece; `argumentsJson` is its `args` as they were written. Returns the place of the call. */
  addFunction(call: JsonObject, argumentsJson: string, out: ChatEvent[]): Place;
  /** Takes a call of a tool that the provider runs. Returns its place. */
  addProvider(name: string, id: string, argumentsJson: string, out: ChatEvent[]): Place;
  /** The id of the call that a result answers: the given one, else the first call of that name that has no answer yet. */
  answered(id: string, name: string): string;
  /** Ends a streamed call. */
  close(out: ChatEvent[]): void;
}

interface Call {
  readonly place: Place;
  readonly head: ToolCallHead;
  /** Arguments so far; empty once the call has ended. */
  text: string;
  hasAnswer: boolean;
}

/** Collects the calls of an answer. A call without an id, or with one that was seen, gets one of the platform's. */
export function createCalls({ nextPlace, newId, executorOf, kept }: CallsContext): Calls {
  const calls: Call[] = [];
  let streamed: { readonly call: Call; readonly json: PartialArguments } | undefined;

  const begin = (name: string, givenId: string, executor: Executor, out: ChatEvent[]): Call => {
    const idMinted = givenId === "" || calls.some(({ head }) => head.id === givenId);
    const id = idMinted ? mintId(newId) : givenId;
    kept.add(PART_COST + id.length + name.length);
    const call: Call = {
      place: nextPlace(),
      head: { id, idMinted, name, executor, freeForm: false },
      text: "",
      hasAnswer: false,
    };
    calls.push(call);
    out.push(toolCallStarted(call.place, call.head));
    return call;
  };

  const append = (call: Call, text: string, out: ChatEvent[]): void => {
    if (text === "") return;
    kept.add(ENTRY_COST + text.length);
    call.text += text;
    out.push(toolCallDelta(call.place, text));
  };

  const end = (call: Call, out: ChatEvent[]): void => {
    out.push(toolCallFinished(call.place, call.head, call.text));
    kept.drop(call.text.length);
    call.text = "";
  };

  const close = (out: ChatEvent[]): void => {
    if (streamed === undefined) return;
    const { call, json } = streamed;
    streamed = undefined;
    append(call, json.finish(), out);
    end(call, out);
  };

  const whole = (name: string, id: string, executor: Executor, argumentsJson: string, out: ChatEvent[]): Place => {
    const call = begin(name, id, executor, out);
    append(call, argumentsJson, out);
    end(call, out);
    return call.place;
  };

  const addPieces = (open: NonNullable<typeof streamed>, called: JsonObject, out: ChatEvent[]): Place => {
    for (const entry of asArray(called.partialArgs)) {
      const argument = asObject(entry);
      if (argument !== undefined) append(open.call, open.json.add(argument), out);
    }
    if (called.willContinue !== true) close(out);
    return open.call.place;
  };

  return {
    waiting: () => calls.filter(({ head, hasAnswer }) => head.executor === Executor.CALLER && !hasAnswer).length,
    isOpen: () => streamed !== undefined,
    addFunction: (called, argumentsJson, out) => {
      const name = asWord(called.name);
      const id = asWord(called.id);
      if (streamed !== undefined && goesOn(streamed.call, called)) return addPieces(streamed, called, out);
      close(out);
      const isStreamed = called.willContinue === true || called.partialArgs !== undefined;
      if (!isStreamed) return whole(name, id, executorOf(name), argumentsJson, out);
      streamed = { call: begin(name, id, executorOf(name), out), json: createPartialArguments(kept) };
      return addPieces(streamed, called, out);
    },
    addProvider: (name, id, argumentsJson, out) => {
      close(out);
      return whole(name, id, Executor.PROVIDER, argumentsJson, out);
    },
    answered: (id, name) => {
      const isIt = ({ head, hasAnswer }: Call): boolean =>
        id === "" ? head.name === name && !hasAnswer : head.id === id;
      const call = calls.find(isIt);
      if (call === undefined) return id === "" ? mintId(newId) : id;
      call.hasAnswer = true;
      return call.head.id;
    },
    close,
  };
}

/** A piece names its call in the first only, or in each. */
function goesOn({ head }: Call, called: JsonObject): boolean {
  const name = asWord(called.name);
  return name === "" || (name === head.name && called.partialArgs !== undefined && asWord(called.id) === "");
}
