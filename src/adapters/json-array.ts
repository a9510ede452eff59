import { ExecutionError } from "../errors.ts";

/** Takes the text of one element of an array, as it was written. */
export type ElementSink = (text: string) => void;

/** Splits a JSON array that arrives in reads of any size into its elements, each handed over as soon as it is whole. */
export interface JsonArrayDecoder {
  /** True once the closing bracket was read. */
  readonly closed: boolean;
  /** Takes the next bytes and hands every element that they complete to the sink. What the sink throws is passed on. */
  push(bytes: Uint8Array, sink: ElementSink): void;
}

/** What bounds a decoder. */
export interface JsonArrayOptions {
  /** Largest element in bytes; a larger one is a PROVIDER_PROTOCOL error. */
  readonly maxElementBytes: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** How each bracket changes the depth. */
const NESTING: ReadonlyMap<number, number> = new Map([
  [openBrace, 1],
  [openBracket, 1],
  [closeBrace, -1],
  [closeBracket, -1],
]);

/**
 * Creates a decoder of an array of objects (Google's servers stream one where nobody asks for events). It looks at bytes only: what structures
 * JSON is ASCII, so that a character cut by a read is never decoded in halves. Whether an element is valid JSON is for its reader to say.
 * Anything but objects between the brackets, and anything but blanks around them, is a PROVIDER_PROTOCOL error.
 */
export function createJsonArrayDecoder({ maxElementBytes }: JsonArrayOptions): JsonArrayDecoder {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let state: "before" | "element" | "between" | "after" = "before";
  let inElement = false;
  let depth = 0;
  let inText = false;
  let escaped = false;
  let carried: Uint8Array[] = [];
  let carriedBytes = 0;

  const carry = (bytes: Uint8Array): void => {
    carriedBytes += bytes.length;
    if (carriedBytes > maxElementBytes) {
      throw protocol(`the provider sent an element of more than ${maxElementBytes} bytes`);
    }
    // A copy, lest a few bytes that wait keep a whole read alive.
    carried.push(bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes);
  };

  const take = (tail: Uint8Array): string => {
    carry(tail);
    const text = utf8.decode(carried.length === 1 ? tail : Buffer.concat(carried, carriedBytes));
    carried = [];
    carriedBytes = 0;
    return text;
  };

  /** Reads on within a text; returns the offset behind its quote, or behind these bytes if it goes on after them. */
  const skipText = (bytes: Uint8Array, from: number): number => {
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === backslash) escaped = true;
      else if (byte === quote) {
        inText = false;
        return at + 1;
      }
    }
    return bytes.length;
  };

  /** Reads on within an element; returns the offset behind its last byte, or -1 if it goes on after these bytes. */
  const endOfElement = (bytes: Uint8Array, from: number): number => {
    let at = from;
    while (at < bytes.length) {
      if (inText) {
        at = skipText(bytes, at);
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      inText = byte === quote;
      depth += NESTING.get(byte) ?? 0;
      if (depth === 0) return at;
    }
    return -1;
  };

  /** Takes one byte between elements. */
  const structure = (byte: number): void => {
    if (byte <= 0x20) return;
    if (state === "before" && byte === openBracket) state = "element";
    else if (state === "between" && byte === comma) state = "element";
    else if (state === "element" && byte === openBrace) inElement = true;
    else if (byte === closeBracket && (state === "element" || state === "between")) state = "after";
    else throw protocol("the provider's answer is not an array of objects");
  };

  return {
    get closed() {
      return state === "after";
    },
    push: (bytes, sink) => {
      let at = 0;
      while (at < bytes.length) {
        if (!inElement) structure(bytes[at] ?? 0);
        if (!inElement) {
          at += 1;
          continue;
        }
        const end = endOfElement(bytes, at);
        if (end < 0) return carry(bytes.subarray(at));
        const text = take(bytes.subarray(at, end));
        inElement = false;
        state = "between";
        at = end;
        sink(text);
      }
    },
  };
}

function protocol(message: string): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", message);
}
