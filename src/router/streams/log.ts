import { decodeFrames, encodeFrames, frameEnd, keepFrames } from "../../contract/frames.ts";
import { type ChatResponse, ChatResponseSchema } from "../../gen/execution/v1/chat_pb.js";
import type { Ended } from "./ended.ts";

/** Told of what happens to a log. */
export interface LogListener {
  /** Events were appended; the first of them has the number `first`. */
  readonly onEvents: (events: readonly ChatResponse[], first: number) => void;
  readonly onEnd: () => void;
}

/** What a log is bounded by. */
export interface LogOptions {
  /** Most it holds, in bytes: beyond that it forgets its oldest events. */
  readonly maxBytes: number;
  /** Told how many bytes more it holds, once what they are for is in it; negative for less. */
  readonly onHeld: (bytes: number) => void;
}

/** Frames of consecutive events. */
export interface Frames {
  readonly bytes: Uint8Array;
  readonly first: number;
  readonly last: number;
}

/** A block of frames one after the other. What is written of it never changes. */
interface Block {
  readonly bytes: Buffer;
  used: number;
  readonly first: number;
  last: number;
}

/** Blocks begin small, for the answer of one word, and double to this size. Larger events get a block of their own. */
const FIRST_BLOCK_BYTES = 1024;
const MAX_BLOCK_BYTES = 8192;

const SLAB_BYTES = 16 * FIRST_BLOCK_BYTES;

/**
 * Cuts small pieces of memory from slabs: an ArrayBuffer for each call would cost more than all that is written into it. A slab is there until the last of
 * its pieces is gone, so that what is cut from one lives about as long: Node's own pool of small buffers holds whatever comes by, and would be kept whole
 * for a piece that a log keeps.
 */
function createSlabs(): (size: number) => Buffer {
  let rest = Buffer.alloc(0);
  return (size) => {
    if (size > FIRST_BLOCK_BYTES) return Buffer.allocUnsafeSlow(size);
    if (rest.length < size) rest = Buffer.allocUnsafeSlow(SLAB_BYTES);
    const piece = rest.subarray(0, size);
    rest = rest.subarray(size);
    return piece;
  };
}

const cutFirstBlock = createSlabs();
const cutLastFrame = createSlabs();

/** What a log costs beside its blocks: the objects around it and what is known of its stream. Measured, rounded up. */
export const LOG_OVERHEAD_BYTES = 2048;

/**
 * Events of one stream as they are encoded, in order, from some number on, and how it ended. A class, because a process holds tens of thousands
 * of them, and what each holds is what the garbage collector moves.
 */
export class EventLog {
  readonly #options: LogOptions;
  readonly #blocks: Block[] = [];
  #listeners: readonly LogListener[] = [];
  #lastSequence: number;
  #heldBytes = LOG_OVERHEAD_BYTES;
  #reportedBytes = 0;
  #ended: Ended | undefined;
  /** Frame of the last event, where its block is gone and the stream has not failed. */
  #lastFrame: Uint8Array | undefined;

  /** Makes an empty log. Its first event will have the number `first`. */
  constructor(options: LogOptions, first = 1) {
    this.#options = options;
    this.#lastSequence = first - 1;
    this.#report();
  }

  /** Number of the last event, 0 if there was none. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Number of the oldest event that is still there; `lastSequence + 1` if none is. */
  get firstSequence(): number {
    return this.#blocks[0]?.first ?? this.#lastSequence + 1;
  }

  /** Memory it holds, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** How the stream ended; undefined while it runs. */
  get ended(): Ended | undefined {
    return this.#ended;
  }

  /** Appends events that are numbered already, each one more than the one before. Keeps their frames with the array. */
  append(events: readonly ChatResponse[]): void {
    const first = this.#lastSequence + 1;
    keepFrames(
      events,
      encodeFrames(ChatResponseSchema, events, (size) => this.#allocate(size)),
    );
    this.#appended(events.length);
    for (const { onEvents } of this.#listeners) onEvents(events, first);
    this.shrink(this.#options.maxBytes);
  }

  /** Appends frames of events. What it has of them already is left out; what is missing before them makes it begin anew with them. */
  appendFrames(frames: Frames): void {
    const { bytes, first, last } = after(frames, this.#lastSequence);
    if (last <= this.#lastSequence) return;
    if (first > this.#lastSequence + 1) this.skipTo(first - 1);
    this.#allocate(bytes.length).set(bytes);
    this.#appended(last - this.#lastSequence);
    const events = this.#listeners.length === 0 ? [] : decodeFrames(ChatResponseSchema, bytes);
    for (const { onEvents } of this.#listeners) onEvents(events, first);
    this.shrink(this.#options.maxBytes);
  }

  /** Takes events up to a number for gone, those it has as well as those that are missing. */
  skipTo(sequence: number): void {
    this.shrink(0);
    this.#lastSequence = sequence;
  }

  /** Says how the stream ended. Nothing is appended after that. */
  end(ended: Ended): void {
    this.#ended = ended;
    if (ended.error !== undefined) this.#lastFrame = undefined;
    for (const { onEnd } of this.#listeners) onEnd();
  }

  /** Some of the events after a number, at least one if there are any. Undefined if the event after it is not there any more. */
  read(sequence: number): readonly ChatResponse[] | undefined {
    if (sequence >= this.#lastSequence) return [];
    const frames = this.frames(sequence);
    if (frames === undefined) return undefined;
    const events = decodeFrames(ChatResponseSchema, frames.bytes);
    keepFrames(events, frames.bytes);
    return events;
  }

  /** Frames of some of the events after a number. Undefined if there are none, or the event after it is not there any more. */
  frames(sequence: number): Frames | undefined {
    const block = this.#blocks.find(({ last }) => last > sequence);
    if (block === undefined || block.first > sequence + 1) return undefined;
    return after({ bytes: block.bytes.subarray(0, block.used), first: block.first, last: block.last }, sequence);
  }

  /** Forgets the oldest events until it holds at most so many bytes. */
  shrink(bytes: number): void {
    while (this.#heldBytes > bytes) {
      const block = this.#blocks.shift();
      if (block === undefined) break;
      this.#heldBytes -= block.bytes.length;
      if (this.#blocks.length === 0 && this.#ended?.error === undefined) {
        const frame = lastFrameOf(block);
        this.#lastFrame = cutLastFrame(frame.length);
        this.#lastFrame.set(frame);
      }
    }
    this.#report();
  }

  /**
   * The last event, which is there even if no other one is. Undefined if there was none, and for a stream that failed: of that nobody needs it, and
   * it may be large.
   */
  last(): ChatResponse | undefined {
    const block = this.#blocks.at(-1);
    const frame = block === undefined ? this.#lastFrame : lastFrameOf(block);
    return frame === undefined ? undefined : decodeFrames(ChatResponseSchema, frame)[0];
  }

  /** Tells a listener what is appended from now on. */
  listen(listener: LogListener): void {
    this.#listeners = [...this.#listeners, listener];
  }

  unlisten(listener: LogListener): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }

  /** Memory for frames whose events begin with the next number. */
  #allocate(size: number): Buffer {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.used + size > block.bytes.length) {
      const usual = Math.min(MAX_BLOCK_BYTES, 2 * (block?.bytes.length ?? 0));
      const isFirst = block === undefined && size <= FIRST_BLOCK_BYTES;
      const bytes = isFirst ? cutFirstBlock(FIRST_BLOCK_BYTES) : Buffer.allocUnsafeSlow(Math.max(usual, size));
      block = { bytes, used: 0, first: this.#lastSequence + 1, last: this.#lastSequence };
      this.#blocks.push(block);
      this.#heldBytes += bytes.length;
    }
    const start = block.used;
    block.used += size;
    return block.bytes.subarray(start, block.used);
  }

  #appended(count: number): void {
    this.#lastSequence += count;
    this.#lastFrame = undefined;
    const block = this.#blocks.at(-1);
    if (block !== undefined) block.last = this.#lastSequence;
  }

  #report(): void {
    const more = this.#heldBytes - this.#reportedBytes;
    if (more === 0) return;
    this.#reportedBytes = this.#heldBytes;
    this.#options.onHeld(more);
  }
}

function lastFrameOf({ bytes, used }: Block): Uint8Array {
  let start = 0;
  for (let end = frameEnd(bytes, start); end < used; end = frameEnd(bytes, start)) start = end;
  return bytes.subarray(start, used);
}

/** Frames without those up to a number. */
function after({ bytes, first, last }: Frames, sequence: number): Frames {
  let start = 0;
  let next = first;
  for (; next <= sequence && next <= last; next += 1) start = frameEnd(bytes, start);
  return { bytes: bytes.subarray(start), first: next, last };
}
