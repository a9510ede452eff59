import { integerBetween, type Random } from "./random.ts";
import { isArray, splitElements } from "./split-array.ts";

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const dataField = [0x64, 0x61, 0x74, 0x61];
const colon = 0x3a;

/** One piece of a stream: the lines up to and including a blank one, or an element of a JSON array. */
export interface StreamSegment {
  readonly bytes: Uint8Array;
  /** Whether a client sees an event: the segment has a `data` field (WHATWG HTML, 9.2.6), or a whole element. */
  readonly isEvent: boolean;
}

/** The offset behind the line end at `offset`, or undefined where none is; CR, LF and CRLF end a line. */
function afterLineEnd(body: Uint8Array, offset: number): number | undefined {
  if (body[offset] === lineFeed) return offset + 1;
  if (body[offset] !== carriageReturn) return undefined;
  return body[offset + 1] === lineFeed ? offset + 2 : offset + 1;
}

function startsDataField(body: Uint8Array, offset: number): boolean {
  if (!dataField.every((byte, index) => body[offset + index] === byte)) return false;
  const next = body[offset + dataField.length];
  return next === undefined || next === colon || next === carriageReturn || next === lineFeed;
}

/**
 * Splits an event stream at its blank lines, and a JSON array behind its elements. The segments concatenate to the body
 * byte for byte; an unfinished one at the end is kept, and a body that is neither is one segment.
 */
export function splitEvents(body: Uint8Array): StreamSegment[] {
  if (isArray(body)) return splitElements(body);
  const segments: StreamSegment[] = [];
  let start = 0;
  let lineStart = 0;
  let isEvent = false;
  for (let offset = 0; offset < body.length; ) {
    if (offset === lineStart && startsDataField(body, offset)) isEvent = true;
    const next = afterLineEnd(body, offset);
    if (next === undefined) {
      offset += 1;
      continue;
    }
    if (offset === lineStart) {
      segments.push({ bytes: body.subarray(start, next), isEvent });
      start = next;
      isEvent = false;
    }
    lineStart = next;
    offset = next;
  }
  if (start < body.length) segments.push({ bytes: body.subarray(start), isEvent });
  return segments;
}

/** The segments of a stream up to and including its `count`-th event; all of them where it has fewer. */
export function firstEvents(body: Uint8Array, count: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let events = 0;
  if (count === 0) return pieces;
  for (const segment of splitEvents(body)) {
    pieces.push(segment.bytes);
    if (segment.isEvent) events += 1;
    if (events === count) break;
  }
  return pieces;
}

/** Offsets at which a careless decoder breaks: inside a UTF-8 character, between CR and LF, inside a blank line. */
export function awkwardOffsets(body: Uint8Array): { characters: number[]; lineEnds: number[]; blankLines: number[] } {
  const characters: number[] = [];
  const lineEnds: number[] = [];
  const blankLines: number[] = [];
  for (let offset = 1; offset < body.length; offset += 1) {
    const before = body[offset - 1];
    const byte = body[offset];
    if (byte === undefined) break;
    if (byte >= 0x80 && byte <= 0xbf) characters.push(offset);
    if (before === carriageReturn && byte === lineFeed) lineEnds.push(offset);
    if (before === lineFeed && (byte === lineFeed || byte === carriageReturn)) blankLines.push(offset);
  }
  return { characters, lineEnds, blankLines };
}

/** The pieces between the given offsets, in order; the offsets may repeat and come in any order. */
function cutAt(body: Uint8Array, offsets: Iterable<number>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const offset of [...new Set(offsets)].sort((left, right) => left - right)) {
    if (offset <= start || offset >= body.length) continue;
    pieces.push(body.subarray(start, offset));
    start = offset;
  }
  if (start < body.length) pieces.push(body.subarray(start));
  return pieces;
}

/**
 * Splits a body at random: runs of short and of long pieces, and cuts at about half of its awkward offsets, at least
 * one of each kind that it has.
 */
export function splitRandomly(body: Uint8Array, random: Random): Uint8Array[] {
  const offsets: number[] = [];
  for (let offset = 0; offset < body.length; ) {
    const longest = random() < 0.3 ? 4 : 400;
    offset += integerBetween(random, 1, longest);
    offsets.push(offset);
  }
  for (const awkward of Object.values(awkwardOffsets(body))) {
    if (awkward.length === 0) continue;
    const chosen = awkward.filter(() => random() < 0.5);
    const certain = awkward[integerBetween(random, 0, awkward.length - 1)];
    offsets.push(...chosen, ...(certain === undefined ? [] : [certain]));
  }
  return cutAt(body, offsets);
}
