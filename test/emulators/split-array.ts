import type { StreamSegment } from "./split.ts";

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Whether a body is a JSON array, by its first byte that is not blank: a stream of Gemini's without `alt=sse` is one. */
export function isArray(body: Uint8Array): boolean {
  return body.find((byte) => !blank.has(byte)) === 0x5b;
}

/**
 * Splits a JSON array of objects or arrays behind each of its elements: what stands between two of them begins the later one's segment, and
 * the closing bracket is a segment that is no event. The segments concatenate to the body byte for byte; an unfinished one at the end is kept.
 */
export function splitElements(body: Uint8Array): StreamSegment[] {
  const segments: StreamSegment[] = [];
  let start = 0;
  let depth = 0;
  let inText = false;
  for (let offset = 0; offset < body.length; offset += 1) {
    const byte = body[offset] ?? comma;
    if (inText) {
      if (byte === backslash) offset += 1;
      else inText = byte !== quote;
    } else if (byte === quote) inText = true;
    else if (opening.has(byte)) depth += 1;
    else if (closing.has(byte)) {
      depth -= 1;
      if (depth !== 1) continue;
      segments.push({ bytes: body.subarray(start, offset + 1), isEvent: true });
      start = offset + 1;
    }
  }
  if (start < body.length) segments.push({ bytes: body.subarray(start), isEvent: false });
  return segments;
}
