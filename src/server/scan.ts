import { ExecutionError } from "../errors.ts";

// Decoding makes an object of two bytes, and validation walks it again: a message of 16 MiB can be eight million empty ones, which take seconds
// and gigabytes before any rule of the contract refuses them. So requests are scanned first, piece by piece as they come, at a few nanoseconds a
// byte and without making anything: what has too much in it is refused before the rest of it has arrived.

/** Checks the next piece of a body. Throws INVALID_FIELD and MESSAGE_TOO_LARGE. */
export type Scan = (piece: Uint8Array) => void;

/** Most values a request may have: fields, elements and members, wherever they stand. A Chat of 10,000 messages has some 60,000. */
export const MAX_VALUES = 200_000;

/** Most messages among the values of a serialized request, which cost most. */
export const MAX_MESSAGES = 60_000;

/** Most escapes (`\n`, `\u4e2d`) in the strings of a JSON text: the parser takes some 10 ns for each, and can only be waited for. */
const MAX_ESCAPES = 1_000_000;

/** Most bytes of space between the values of a JSON text, as indentation is. */
const MAX_SPACE_BYTES = 4 * 1024 * 1024;

/** How deep a JSON text may nest. Schemas of tools nest twice for each level they describe. */
const MAX_JSON_DEPTH = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How many bytes of a string are looked at one by one before the next quote is searched for. */
const SHORT_BYTES = 64;

/** Creates the check of a JSON text: how deep it nests, its values, its escapes, the space in it. What is not JSON is left to the parser. */
export function createJsonScan(): Scan {
  let depth = 0;
  let values = 0;
  let escapes = 0;
  let spaceBytes = 0;
  let inString = false;
  /** The piece before ended between a backslash and what it escapes. */
  let escaped = false;

  /** Where the string ends whose content goes on at `from`: after its quote, or at the end of the piece. */
  const skipString = (piece: Uint8Array, from: number): number => {
    let at = escaped ? from + 1 : from;
    let quote = -1;
    escaped = false;
    while (at < piece.length) {
      // An escape nearby is met here; a long piece without one is skipped by the search.
      at = skipNear(piece, at);
      if (!inString || at >= piece.length) return at;
      // Searched for once, however many escapes are on the way to it.
      if (quote < at) quote = piece.indexOf(QUOTE, at);
      if (quote === -1) quote = piece.length;
      const next = piece.subarray(at, quote).indexOf(BACKSLASH);
      at = next === -1 ? quote : at + next;
    }
    return at;
  };
  /** Where the string ends, if it does within the next few bytes, or what is after them. */
  const skipNear = (piece: Uint8Array, from: number): number => {
    let at = from;
    const near = Math.min(at + SHORT_BYTES, piece.length);
    for (; at < near; at += 1) {
      const byte = piece[at];
      if (byte === QUOTE) {
        inString = false;
        return at + 1;
      }
      if (byte !== BACKSLASH) continue;
      escapes += 1;
      at += 1;
      escaped = at === piece.length;
    }
    return at;
  };
  const checkCounts = (): void => {
    if (values > MAX_VALUES) throw tooMany();
    if (escapes > MAX_ESCAPES) throw tooManyEscapes();
    if (spaceBytes > MAX_SPACE_BYTES) throw tooMuchSpace();
  };

  return (piece) => {
    let at = 0;
    while (at < piece.length) {
      if (inString) at = skipString(piece, at);
      switch (piece[at]) {
        case QUOTE:
          inString = true;
          // A member's name, or a value that a comma or a bracket counts as well.
          values += 0.5;
          break;
        case 0x20:
        case 0x0a:
        case 0x0d:
        case 0x09:
          spaceBytes += 1;
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
    }
    checkCounts();
  };
}

/** MESSAGE_TOO_LARGE of a request that is not long but has too much in it. */
export function tooMany(): ExecutionError {
  const most = `at most ${MAX_VALUES}, and ${MAX_MESSAGES} messages`;
  return new ExecutionError("MESSAGE_TOO_LARGE", `the message has more values in it than are taken: ${most}`);
}

function tooManyEscapes(): ExecutionError {
  const most = `at most ${MAX_ESCAPES}; text may stand as UTF-8`;
  return new ExecutionError(
    "MESSAGE_TOO_LARGE",
    `the strings of the message have more escapes than are taken: ${most}`,
  );
}

function tooMuchSpace(): ExecutionError {
  const most = `at most ${MAX_SPACE_BYTES} bytes`;
  return new ExecutionError(
    "MESSAGE_TOO_LARGE",
    `the message has more space between its values than is taken: ${most}`,
  );
}

/** INVALID_FIELD of a request that nests too deep. */
export function tooDeep(depth: number): ExecutionError {
  return malformed(`nests deeper than ${depth} levels`);
}

/** INVALID_FIELD of a request that cannot be read. */
export function malformed(description: string): ExecutionError {
  return new ExecutionError("INVALID_FIELD", `the message ${description}`, { fields: [{ field: "", description }] });
}
