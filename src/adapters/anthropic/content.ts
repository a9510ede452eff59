import type { ChatEvent, Place } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { asObject } from "../json.ts";
import { createKept, ENTRY_COST, ownCopy, PART_COST } from "../kept.ts";
import { type Block, openBlock, stateEvent } from "./blocks.ts";

/** The content blocks of one answer, by their index. What is no object is no block and no delta. `written` gives the JSON it came as. */
export interface Content {
  open(index: number, block: unknown, written: string, out: ChatEvent[]): void;
  /** Throws PROVIDER_PROTOCOL for a delta of a block that has not begun or has ended: its content would be lost. */
  add(index: number, delta: unknown, written: () => string, out: ChatEvent[]): void;
  close(index: number, out: ChatEvent[]): void;
  /** Closes what is open. `container`: the JSON of the container the provider ran code in, if it named one. */
  finish(container: string | undefined, out: ChatEvent[]): void;
}

interface OpenBlock {
  readonly block: Block;
  /** Characters that are kept for it. */
  readonly kept: () => number;
}

/** Creates the content of an answer: parts are numbered by the first event of their block. */
export function createContent(step: number, newId: () => string): Content {
  const open = new Map<number, OpenBlock>();
  const ids = new Set<string>();
  const kept = createKept();
  let parts = 0;
  const nextPlace = (): Place => ({ step, part: parts++ });
  const toolCallId = (given: string): { readonly id: string; readonly idMinted: boolean } => {
    const idMinted = given === "" || ids.has(given);
    const id = idMinted ? newId() : given;
    kept.add(ENTRY_COST + id.length);
    ids.add(id);
    return { id, idMinted };
  };
  const close = (index: number, out: ChatEvent[]): void => {
    const ending = open.get(index);
    if (ending === undefined) return;
    open.delete(index);
    ending.block.close(out);
    kept.drop(ending.kept());
  };
  const begin = (index: number, value: unknown, written: string, out: ChatEvent[]): void => {
    const block = asObject(value);
    if (block === undefined) return;
    let characters = 0;
    const keep = (more: number): void => {
      characters += more;
      kept.add(more);
    };
    keep(PART_COST + written.length);
    const start = { block, written: ownCopy(written), nextPlace, toolCallId, keep };
    open.set(index, { block: openBlock(start, out), kept: () => characters });
  };
  return {
    open: (index, value, written, out) => {
      close(index, out);
      begin(index, value, written, out);
    },
    add: (index, value, written, out) => {
      const delta = asObject(value);
      if (delta === undefined) return;
      const started = open.get(index);
      if (started === undefined) throw lostDelta();
      started.block.add(delta, written, out);
    },
    close,
    finish: (container, out) => {
      for (const index of open.keys()) close(index, out);
      if (container !== undefined) out.push(stateEvent(nextPlace(), "container", container));
    },
  };
}

function lostDelta(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider sent a piece of a content block that is not open");
}
