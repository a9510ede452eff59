import { ExecutionError } from "../errors.ts";

// Decoding makes an object of two bytes, and validation walks it again: a message of 16 MiB can be eight million empty ones, which take seconds
// and gigabytes before any rule of the contract refuses them. So requests are scanned first, at a few nanoseconds a byte and without making
// anything.

/** Most values a request may have: fields, elements and members, wherever they stand. A Chat of 10,000 messages has some 60,000. */
export const MAX_VALUES = 200_000;

/** Most messages among the values of a serialized request, which cost most. */
export const MAX_MESSAGES = 60_000;

/** How deep a JSON text may nest. Schemas of tools nest twice for each level they describe. */
const MAX_JSON_DEPTH = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Refuses a JSON text that nests too deep, or has more values than any request needs. What is not JSON is left to the parser. Throws INVALID_FIELD
 * and MESSAGE_TOO_LARGE.
 */
export function scanJson(bytes: Uint8Array): void {
  let depth = 0;
  let values = 0;
  let at = 0;
  const { length } = bytes;
  while (at < length) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at + 1);
        // A member's name, or a value that a comma or a bracket counts as well.
        values += 0.5;
        break;
      case 0x2c: // ,
        values += 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        values += 1;
        if (depth > MAX_JSON_DEPTH) throw tooDeep(MAX_JSON_DEPTH);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
    }
    at += 1;
    if (values > MAX_VALUES) throw tooMany();
  }
}

/** How many bytes of a string are looked at one by one before the next quote is searched for. */
const SHORT_BYTES = 64;

/** Where the quote stands that ends the string whose content begins at `from`; the end of the text if it does not end. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  let quote = -1;
  while (at < bytes.length) {
    // An escape nearby is met here; a long piece without one is skipped by the search.
    const near = Math.min(at + SHORT_BYTES, bytes.length);
    for (; at < near; at += 1) {
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at += 1;
    }
    // Searched for once, however many escapes are on the way to it.
    if (quote < at) quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return bytes.length;
    const next = bytes.subarray(at, quote).indexOf(BACKSLASH);
    if (next === -1) return quote;
    at += next;
  }
  return bytes.length;
}

/** MESSAGE_TOO_LARGE of a request that is not long but has too much in it. */
export function tooMany(): ExecutionError {
  const most = `at most ${MAX_VALUES}, and ${MAX_MESSAGES} messages`;
  return new ExecutionError("MESSAGE_TOO_LARGE", `the message has more values in it than are taken: ${most}`);
}

/** INVALID_FIELD of a request that nests too deep. */
export function tooDeep(depth: number): ExecutionError {
  const description = `nests deeper than ${depth} levels`;
  return new ExecutionError("INVALID_FIELD", `the message ${description}`, { fields: [{ field: "", description }] });
}
