import {
  type ChatEvent,
  type Place,
  providerState,
  reasoningDelta,
  type ToolCallHead,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
} from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import { isJsonText, joinMembers, jsonElements, jsonMembers } from "../../json-text.ts";
import { asArray, asObject, asText, type JsonObject, tryParse } from "../json.ts";
import { ENTRY_COST, ownCopy } from "../kept.ts";
import { createPieces } from "../pieces.ts";
import { citationEvent, readCitation } from "./citations.ts";
import { toolResultEvent } from "./tool-results.ts";

/** Vendor that owns the state in an answer of the Messages API, whoever serves it: signatures and raw blocks are Anthropic's form. */
export const OWNER = "anthropic";

/**
 * The event of state of ours: the `signature` of a part's thinking, `redacted_thinking`, a whole `block` as it was written (JSON), or in a part
 * of its own the `container` the provider ran code in (JSON).
 */
export function stateEvent(
  place: Place,
  kind: "signature" | "redacted_thinking" | "block" | "container",
  text: string,
): ChatEvent {
  return providerState(place, { owner: OWNER, kind, data: new TextEncoder().encode(text) });
}

/** One content block of an answer, whole or in deltas. */
export interface Block {
  /** Takes a delta; `written` gives the JSON it came as. Throws PROVIDER_PROTOCOL for content of another kind of block, which would be lost. */
  add(delta: JsonObject, written: () => string, out: ChatEvent[]): void;
  close(out: ChatEvent[]): void;
}

/** A block as it begins; a whole one has all in it. */
export interface BlockStart {
  readonly block: JsonObject;
  /** The JSON the block came as. */
  readonly written: string;
  /** The next free place of the answer's message. */
  readonly nextPlace: () => Place;
  /** The block's own id if it has one that no other tool call of the answer has, else a fresh one. */
  readonly toolCallId: (given: string) => Pick<ToolCallHead, "id" | "idMinted">;
  /** Counts characters that are kept until the block closes, beside those it began with. */
  readonly keep: (characters: number) => void;
}

/** Begins a block by its type. A type without a meaning of its own is kept as provider state, whole. */
export function openBlock(start: BlockStart, out: ChatEvent[]): Block {
  switch (start.block.type) {
    case "text":
      return openText(start, out);
    case "thinking":
      return openThinking(start, out);
    case "tool_use":
      return openToolCall(start, Executor.CALLER, out);
    case "server_tool_use":
    case "mcp_tool_use":
      return openToolCall(start, Executor.PROVIDER, out);
    default:
      return openRaw(start);
  }
}

/** A text takes its place with its first piece or citation, so that an empty one is no part: the API would refuse it in the next turn. */
function openText({ block, written, nextPlace }: BlockStart, out: ChatEvent[]): Block {
  const pieces = createPieces();
  let known: Place | undefined;
  const place = (): Place => {
    known ??= nextPlace();
    return known;
  };
  const say = (piece: string, to: ChatEvent[]): void => {
    if (piece !== "") to.push(textDelta(place(), piece));
  };
  const cite = (value: unknown, text: string, to: ChatEvent[]): void => {
    const citation = asObject(value);
    if (citation !== undefined) to.push(citationEvent(place(), readCitation(citation, text)));
  };

  say(pieces.next(asText(block.text)), out);
  const given = asArray(block.citations);
  const texts = given.length === 0 ? [] : jsonElements(jsonMembers(written).get("citations") ?? "[]");
  for (const [index, citation] of given.entries()) cite(citation, texts[index] ?? "", out);
  return {
    add: (delta, deltaWritten, to) => {
      if (delta.type === "text_delta") say(pieces.next(asText(delta.text)), to);
      else if (delta.type === "citations_delta") {
        cite(delta.citation, jsonMembers(deltaWritten()).get("citation") ?? "", to);
      } else refuseContent(delta);
    },
    close: (to) => say(pieces.rest(), to),
  };
}

/** The signature is what goes back; it may come without any thinking that is shown. */
function openThinking({ block, nextPlace, keep }: BlockStart, out: ChatEvent[]): Block {
  const pieces = createPieces();
  let known: Place | undefined;
  let signature = asText(block.signature);
  const place = (): Place => {
    known ??= nextPlace();
    return known;
  };
  const think = (piece: string, to: ChatEvent[]): void => {
    if (piece !== "") to.push(reasoningDelta(place(), piece));
  };

  think(pieces.next(asText(block.thinking)), out);
  return {
    add: (delta, _written, to) => {
      if (delta.type === "thinking_delta") think(pieces.next(asText(delta.thinking)), to);
      else if (delta.type === "signature_delta") {
        keep(asText(delta.signature).length - signature.length);
        signature = asText(delta.signature);
      } else refuseContent(delta);
    },
    close: (to) => {
      think(pieces.rest(), to);
      if (signature !== "") to.push(stateEvent(place(), "signature", signature));
    },
  };
}

/** Members of a `tool_use` that a tool call of the contract has a place for. */
const PLAIN_CALL: ReadonlySet<string> = new Set(["type", "id", "name", "input"]);

/** The input comes in deltas, or whole in the block; then it is told when the block ends, lest deltas follow it all the same. */
function openToolCall(
  { block, written, nextPlace, toolCallId, keep }: BlockStart,
  executor: Executor,
  out: ChatEvent[],
): Block {
  const pieces = createPieces();
  const place = nextPlace();
  const name = asText(block.name).toWellFormed();
  const head: ToolCallHead = { ...toolCallId(asText(block.id).toWellFormed()), name, executor, freeForm: false };
  const keepsBlock = executor === Executor.PROVIDER || Object.keys(block).some((member) => !PLAIN_CALL.has(member));
  let input = "";
  const append = (piece: string, to: ChatEvent[]): void => {
    if (piece === "") return;
    keep(ENTRY_COST + piece.length);
    input += piece;
    to.push(toolCallDelta(place, piece));
  };

  out.push(toolCallStarted(place, head));
  return {
    add: (delta, _written, to) => {
      if (delta.type === "input_json_delta") append(pieces.next(asText(delta.partial_json)), to);
      else refuseContent(delta);
    },
    close: (to) => {
      append(pieces.rest(), to);
      if (input === "" && !isEmpty(block.input)) append(jsonMembers(written).get("input") ?? "", to);
      to.push(toolCallFinished(place, head, input));
      // A call that was cut off is no block any more.
      if (!(keepsBlock && (input === "" || isJsonText(input)))) return;
      const members = new Map(jsonMembers(written));
      if (input !== "") members.set("input", input);
      to.push(stateEvent(place, "block", joinMembers(members)));
    },
  };
}

/** Deltas that carry content; one nobody knows is skipped. */
const CONTENT_DELTAS: ReadonlySet<unknown> = new Set(["text_delta", "thinking_delta", "input_json_delta"]);

function refuseContent({ type }: JsonObject): void {
  if (CONTENT_DELTAS.has(type)) {
    throw new ExecutionError("PROVIDER_PROTOCOL", "the provider sent a piece of content in a block of another kind");
  }
}

/** No input, or an object without members. */
function isEmpty(input: unknown): boolean {
  if (input === undefined || input === null) return true;
  return asObject(input) !== undefined && Object.keys(input).length === 0;
}

/** A delta of such a block carries final values (`compaction_delta`), which replace those the block began with. */
function openRaw({ block, written, nextPlace, keep }: BlockStart): Block {
  const later = new Map<string, string>();
  return {
    add: (_delta, deltaWritten) => {
      for (const [name, text] of jsonMembers(deltaWritten())) {
        if (name === "type") continue;
        keep(text.length - (later.get(name)?.length ?? -(ENTRY_COST + name.length)));
        later.set(ownCopy(name), ownCopy(text));
      }
    },
    close: (to) => {
      const place = nextPlace();
      const text = later.size === 0 ? written : joinMembers(new Map([...jsonMembers(written), ...later]));
      const whole = later.size === 0 ? block : (asObject(tryParse(text)) ?? {});
      if (whole.type === "redacted_thinking") {
        to.push(stateEvent(place, "redacted_thinking", asText(whole.data)));
        return;
      }
      if (typeof whole.tool_use_id === "string") {
        to.push(toolResultEvent(place, whole, jsonMembers(text).get("content") ?? ""));
      }
      to.push(stateEvent(place, "block", text));
    },
  };
}
